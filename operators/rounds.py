"""Rounds: rows that can be judged together although each depends on the one before it of its key."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rounds(keys: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the rows of each round: the first of every key, then the second of every key, and so on.

    >>> [one.tolist() for one in rounds(np.array([7, 7, 3, 7]))]
    [[2, 0], [1], [3]]
    """
    if not len(keys):
        return []
    order = np.argsort(keys, kind="stable")
    begins = np.concatenate([[True], keys[order][1:] != keys[order][:-1]])
    places = np.arange(len(order))
    rank = places - np.maximum.accumulate(np.where(begins, places, 0))
    return np.split(order[np.argsort(rank, kind="stable")], np.cumsum(np.bincount(rank))[:-1])


def few_or_many(keys: NDArray[np.int64], few: int) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]]:
    """Return the rounds of more than `few` rows, then for each key that has rows left all of these, in order.

    >>> many, alone = few_or_many(np.array([7, 7, 3, 7]), 1)
    >>> [one.tolist() for one in many], [one.tolist() for one in alone]
    ([[2, 0]], [[1, 3]])
    """
    every = rounds(keys)
    many = next((place for place, rows in enumerate(every) if len(rows) <= few), len(every))
    rest = np.sort(np.concatenate([*every[many:], np.empty(0, dtype=np.int64)]))
    if not len(rest):
        return every, []
    rest = rest[np.argsort(keys[rest], kind="stable")]
    cuts = np.flatnonzero(np.diff(keys[rest])) + 1
    return every[:many], np.split(rest, cuts)
