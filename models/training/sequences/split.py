"""Hold out a fifth of the sequences, by their content: copies of one sequence stay on one side."""

from __future__ import annotations

import hashlib

from models.training.sequences.labelled import Sequences

PARTS = 5


def held_out_part(sequences: Sequences, *, seed: int) -> tuple[Sequences, Sequences]:
    """Return what to learn from and what to choose and measure by."""
    parts: tuple[list[int], list[int]] = ([], [])
    for index, events in enumerate(sequences.events):
        digest = hashlib.sha256(repr((seed, events)).encode()).digest()
        parts[digest[0] % PARTS == 0].append(index)
    train, dev = (sequences.part(one) for one in parts)
    if not train.normal() or not dev.normal():  # a handful of sequences, or copies of one
        return sequences, sequences
    return train, dev
