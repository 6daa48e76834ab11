"""A binary tree as flat arrays, read from LightGBM's own description of its model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

NO_COLUMN = -1


@dataclass
class Tree:
    """Nodes by number, 0 the root. A leaf has column -1.

    A row goes to `yes` when its value is <= `threshold`, or when it is missing and `missing_yes`. `value` of a leaf is
    what it adds to the margin; of any other node the mean of its leaves by the rows that they were fitted on.
    """

    column: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    missing_yes: list[bool] = field(default_factory=list)
    yes: list[int] = field(default_factory=list)
    no: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)

    def _append(self, column: int, threshold: float, missing_yes: bool, value: float) -> int:
        self.column.append(column)
        self.threshold.append(threshold)
        self.missing_yes.append(missing_yes)
        self.yes.append(0)
        self.no.append(0)
        self.value.append(value)
        return len(self.column) - 1


def float32_below(threshold: float) -> float:
    """Return the greatest float32 that is not above `threshold`: float32 values fall on the same side of both.

    >>> float32_below(0.1) <= 0.1 < float(np.nextafter(np.float32(float32_below(0.1)), np.float32(1)))
    True
    """
    with np.errstate(over="ignore"):  # beyond float32 lies what only infinity exceeds
        rounded = np.float32(threshold)
    return float(np.nextafter(rounded, np.float32(-np.inf)) if float(rounded) > threshold else rounded)


def read_trees(described: dict[str, Any]) -> list[Tree]:
    """Read the trees of `Booster.dump_model()`; ValueError for a split that is not `<=` on a number."""
    trees = []
    for info in described["tree_info"]:
        tree = Tree()
        _read(tree, info["tree_structure"])
        trees.append(tree)
    return trees


def _read(tree: Tree, node: dict[str, Any]) -> tuple[int, float]:
    """Append a node and all below; return its number and its weight in rows."""
    if "split_index" not in node:
        number = tree._append(NO_COLUMN, 0.0, False, float(node["leaf_value"]))
        return number, max(float(node.get("leaf_count", 1)), 1.0)
    if node["decision_type"] != "<=" or node["missing_type"] not in ("None", "NaN"):
        raise ValueError(f"expected splits of numbers, got {node['decision_type']} with {node['missing_type']}")
    threshold = float32_below(float(node["threshold"]))
    # A column that was never missing treats what is missing as zero.
    missing_yes = bool(node["default_left"]) if node["missing_type"] == "NaN" else threshold >= 0.0
    number = tree._append(int(node["split_feature"]), threshold, missing_yes, 0.0)
    tree.yes[number], rows_yes = _read(tree, node["left_child"])
    tree.no[number], rows_no = _read(tree, node["right_child"])
    yes, no = tree.value[tree.yes[number]], tree.value[tree.no[number]]
    tree.value[number] = (rows_yes * yes + rows_no * no) / (rows_yes + rows_no)
    return number, rows_yes + rows_no
