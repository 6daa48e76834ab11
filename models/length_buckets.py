"""Group token lists into runs such that a text's answer does not depend on its company.

Padding to the edge of a text's own bucket, never to the longest of its batch. A graph that averages over tokens by
ReduceSum gives a run of one row other last bits (measured, ONNX Runtime 1.31): its card asks for two rows a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Run:
    """Texts that are run together: their places in the list that was grouped, and the length they are padded to."""

    members: NDArray[np.int64]
    edge: int


def bucket_edge(length: int, edges: Sequence[int]) -> int:
    """Return the smallest edge that holds `length` tokens; ValueError when none does."""
    for edge in edges:
        if length <= edge:
            return edge
    raise ValueError(f"expected at most {edges[-1]} tokens, got {length}: cut the text first")


def group_by_length(lengths: Sequence[int], edges: Sequence[int], token_budget: int) -> Iterator[Run]:
    """Group lists of these lengths, shortest bucket first.

    A run holds at most `token_budget` tokens, padding included, but always room for two rows.
    """
    if not lengths:
        return
    if max(lengths) > edges[-1]:
        raise ValueError(f"expected at most {edges[-1]} tokens, got {max(lengths)}: cut the text first")
    bucket = np.searchsorted(np.asarray(edges), np.asarray(lengths), side="left")
    for index in np.unique(bucket):
        edge = edges[index]
        members = np.flatnonzero(bucket == index)
        step = max(2, token_budget // edge)
        for start in range(0, len(members), step):
            yield Run(members[start : start + step], edge)


def padded(
    lists: Sequence[Sequence[int]], run: Run, padding: int, fewest_rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the ids and the mask of a run, int64 (rows, edge).

    Where there are fewer rows than `fewest_rows`, the last stands there again; the caller drops the further answers.
    """
    chosen = [lists[member] for member in run.members]
    chosen += chosen[-1:] * (fewest_rows - len(chosen))
    lengths = np.fromiter(map(len, chosen), dtype=np.int64, count=len(chosen))
    mask = np.arange(run.edge) < lengths[:, None]
    ids = np.full(mask.shape, padding, dtype=np.int64)
    ids[mask] = np.concatenate([np.asarray(one, dtype=np.int64) for one in chosen])
    return ids, mask.astype(np.int64)
