"""Why a sequence is odd: what is missing, extra or misplaced beside the most similar normal sequence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MOST_REASONS = 10
CANDIDATES = 16
LONGEST_ALIGNED = 400


@dataclass(frozen=True, slots=True)
class Reason:
    """One event that is `missing`, `extra` or `misplaced`; `at` is its place in the sequence, from 0.

    A missing event is missing before the event at this place.
    """

    kind: str
    event: str
    at: int


class Normals:
    """The normal sequences that reasons compare with, the most frequent first."""

    def __init__(self, sequences: Sequence[Sequence[str]]) -> None:
        self._sequences = [tuple(one) for one in sequences]
        events = sorted({event for one in self._sequences for event in one})
        self._place = {event: i for i, event in enumerate(events)}
        # One more column for events that no normal sequence has.
        self._counts = np.stack([self._counted(one) for one in self._sequences]) if sequences else np.zeros((0, 1))

    def _counted(self, sequence: Sequence[str]) -> np.ndarray:
        counts = np.zeros(len(self._place) + 1, dtype=np.int64)
        for event, times in Counter(sequence).items():
            counts[self._place.get(event, -1)] += times
        return counts

    def nearest(self, sequence: Sequence[str]) -> tuple[str, ...]:
        """Return the normal sequence that takes the fewest insertions and deletions; the most frequent one of several.

        Only the sixteen whose counts of events are most alike are compared step by step.
        """
        apart = np.abs(self._counts - self._counted(sequence)).sum(axis=1)
        best: tuple[int, int] | None = None
        for index in np.argsort(apart, kind="stable")[:CANDIDATES].tolist():
            if best is not None and apart[index] > best[0]:
                break  # counts alone differ by more than the whole of the best
            normal = self._sequences[index]
            edits = len(normal) + len(sequence) - 2 * common_length(normal, sequence)
            if best is None or (edits, index) < best:
                best = (edits, index)
        return () if best is None else self._sequences[best[1]]

    def reasons(self, sequence: Sequence[str]) -> list[Reason]:
        """Name at most ten events, in the order of their places."""
        short = tuple(sequence[:LONGEST_ALIGNED])
        normal = self.nearest(short)[:LONGEST_ALIGNED]
        missing, extra = _differences(normal, short)
        found: list[Reason] = []
        for event, at in extra:
            pair = next((one for one in missing if one[0] == event), None)
            if pair is None:
                found.append(Reason("extra", event, at))
            else:
                missing.remove(pair)
                found.append(Reason("misplaced", event, at))
        found += [Reason("missing", event, at) for event, at in missing]
        return sorted(found, key=lambda one: one.at)[:MOST_REASONS]


def common_length(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, by H. Hyyrö's bit vectors (2004): one addition a step.

    >>> common_length("abcbdab", "bdcaba")
    4
    """
    places: dict[str, int] = {}
    for at, event in enumerate(one):
        places[event] = places.get(event, 0) | 1 << at
    everything = (1 << len(one)) - 1
    row = everything
    for event in other:
        matched = row & places.get(event, 0)
        row = (row + matched | row - matched) & everything
    return len(one) - row.bit_count()


def _differences(normal: Sequence[str], sequence: Sequence[str]) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Return the events to insert into a sequence and those to take out, each with its place in the sequence."""
    rows, columns = len(normal), len(sequence)
    lengths = np.zeros((rows + 1, columns + 1), dtype=np.int32)  # of the common subsequence of what is behind
    for i in range(rows - 1, -1, -1):
        below, here = lengths[i + 1].tolist(), [0] * (columns + 1)
        for j in range(columns - 1, -1, -1):
            here[j] = below[j + 1] + 1 if normal[i] == sequence[j] else max(below[j], here[j + 1])
        lengths[i] = here
    missing: list[tuple[str, int]] = []
    extra: list[tuple[str, int]] = []
    i = j = 0
    while i < rows or j < columns:
        if i < rows and j < columns and normal[i] == sequence[j]:
            i, j = i + 1, j + 1
        elif j == columns or (i < rows and lengths[i + 1, j] >= lengths[i, j + 1]):
            missing.append((normal[i], j))
            i += 1
        else:
            extra.append((sequence[j], j))
            j += 1
    return missing, extra
