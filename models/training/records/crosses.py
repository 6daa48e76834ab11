"""Pairs of numbers as columns of their own: their product and their difference, which trees alone see in steps only.

Power is torque times speed, and what matters of two temperatures may be their difference. The graph computes pairs in
float32 just as training does: both operations are correctly rounded everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from models.record_columns import Column, width_of

MOST_NUMBERS = 12


@dataclass(frozen=True)
class Crosses:
    """Places of both sides of each pair among the encoded columns."""

    left: tuple[int, ...] = ()
    right: tuple[int, ...] = ()
    names: tuple[tuple[str, str], ...] = ()

    def sources(self) -> tuple[str, ...]:
        """Return the names of the new columns: products, then differences."""
        return tuple(f"{a} {sign} {b}" for sign in "*-" for a, b in self.names)

    def widen(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the columns with those of the pairs behind them."""
        if not self.left:
            return values
        left, right = values[:, list(self.left)], values[:, list(self.right)]
        with np.errstate(over="ignore", invalid="ignore"):
            return np.concatenate([values, left * right, left - right], axis=1)

    def nodes(self) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto], str]:
        """Return what does the same in a graph, and the name of its output."""
        if not self.left:
            return [], [], "values"
        nodes = [
            helper.make_node("Gather", ["values", "left_places"], ["left"], axis=1),
            helper.make_node("Gather", ["values", "right_places"], ["right"], axis=1),
            helper.make_node("Mul", ["left", "right"], ["products"]),
            helper.make_node("Sub", ["left", "right"], ["differences"]),
            helper.make_node("Concat", ["values", "products", "differences"], ["wide"], axis=1),
        ]
        places = [
            numpy_helper.from_array(np.array(side, dtype=np.int64), name)
            for side, name in ((self.left, "left_places"), (self.right, "right_places"))
        ]
        return nodes, places, "wide"


def pairs_of(columns: Sequence[Column]) -> Crosses:
    """Return all pairs of numbers; none when there are more than twelve numbers, or fewer than two."""
    at = 0
    numbers: list[tuple[int, str]] = []
    for column in columns:
        if column.kind == "number":
            numbers.append((at, column.name))
        at += column.width
    if not 2 <= len(numbers) <= MOST_NUMBERS:
        return Crosses()
    pairs = list(combinations(numbers, 2))
    left, right = tuple(a for (a, _), _ in pairs), tuple(b for _, (b, _) in pairs)
    return Crosses(left, right, tuple((a, b) for (_, a), (_, b) in pairs))


def source_places(columns: Sequence[Column], crosses: Crosses) -> list[int]:
    """Return, for each column of the trees, the place of its source: its column or its pair."""
    places = [i for i, column in enumerate(columns) for _ in range(column.width)]
    assert len(places) == width_of(columns)
    return [*places, *range(len(columns), len(columns) + 2 * len(crosses.left))]
