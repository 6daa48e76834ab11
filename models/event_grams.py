"""Grams of event sequences: which entry of a table of known runs of events stands for each step of a sequence.

A sequence is read with a begin before it and an end behind it. At each step the longest known run of events that ends
there says how probable the step is; each longer context that was known, though not with this step behind it, adds its
back-off weight (S. M. Katz 1987; the layout is that of ARPA's language models).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BEGIN, END, UNKNOWN = 0, 1, 2
FIRST_EVENT = 3
Gram = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of some sequences, one behind the other; `starts` (sequences + 1) says where each begins.

    `gram` (steps,) is the longest known run; `contexts` (steps, order - 1) the contexts that were backed off from,
    0 for none.
    """

    gram: NDArray[np.int64]
    contexts: NDArray[np.int64]
    starts: NDArray[np.int64]


class EventGrams:
    """The events of normal sequences by number, and their runs up to `order` by entry; entry 0 is no run."""

    def __init__(self, order: int, events: Sequence[str], grams: Sequence[Gram]) -> None:
        if order < 2:
            raise ValueError(f"expected runs of at least two events, got {order}")
        self.order = order
        self.events = tuple(events)
        self.numbers: Mapping[str, int] = {event: i for i, event in enumerate(events, start=FIRST_EVENT)}
        self.entries: Mapping[Gram, int] = {gram: i for i, gram in enumerate(grams, start=1)}
        if (UNKNOWN,) not in self.entries:
            raise ValueError("expected an entry for events that were never seen, got none")

    def encode(self, sequence: Iterable[str]) -> list[int]:
        """Return the numbers of a sequence's events, without begin and end."""
        return [self.numbers.get(event, UNKNOWN) for event in sequence]

    def steps(self, sequences: Sequence[Sequence[int]]) -> Steps:
        """Look up every step of encoded sequences; one of n events has n + 1 steps, the last one being its end."""
        longest = self.order - 1
        entries = self.entries
        gram: list[int] = []
        contexts: list[list[int]] = []
        starts = [0]
        for sequence in sequences:
            padded = (BEGIN,) * longest + tuple(sequence) + (END,)
            for at in range(longest, len(padded)):
                backed_off = [0] * longest
                for length in range(longest, -1, -1):
                    entry = entries.get(padded[at - length : at + 1])
                    if entry is not None:
                        break
                    if length:
                        backed_off[length - 1] = entries.get(padded[at - length : at], 0)
                gram.append(entries[(UNKNOWN,)] if entry is None else entry)
                contexts.append(backed_off)
            starts.append(len(gram))
        return Steps(
            np.array(gram, dtype=np.int64),
            np.array(contexts, dtype=np.int64).reshape(len(gram), longest),
            np.array(starts, dtype=np.int64),
        )
