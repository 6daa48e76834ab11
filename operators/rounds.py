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
