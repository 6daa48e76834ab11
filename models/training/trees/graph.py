"""Trees as an ONNX graph: margins, and what each source column contributed to them.

Along a row's path through a tree, each split moves the expected value from its node's to its child's: that difference
is the contribution of the split's column (A. Saabas, "Interpreting random forests", 2014). A leaf knows its path, so
the contributions of a tree are constants of its leaves, and ONNX sums them as it sums margins: exact for the graph that
answers. Base value and contributions add up to the margin, up to the rounding of float32 sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from models.training.trees.tree import NO_COLUMN, Tree

OPSET, TREES_OPSET = 17, 3


def margins_node(trees: Sequence[Tree], margins: int, values: str, output: str) -> onnx.NodeProto:
    """Return the node of the margins (rows, `margins`); tree i is of margin i modulo `margins`."""
    return _ensemble(trees, [_leaf_margins(tree, i % margins) for i, tree in enumerate(trees)], margins, values, output)


def contributions_node(
    trees: Sequence[Tree], margins: int, sources: Sequence[int], values: str, output: str
) -> onnx.NodeProto:
    """Return the node of contributions (rows, margins x sources); `sources` is each column's source column."""
    count = max(sources) + 1
    return _ensemble(
        trees,
        [_leaf_contributions(tree, i % margins * count, sources) for i, tree in enumerate(trees)],
        margins * count,
        values,
        output,
    )


def base_values(trees: Sequence[Tree], margins: int) -> list[float]:
    """Return, for each margin, what all trees say of a row of which nothing is known: the roots' values."""
    return [float(sum(tree.value[0] for tree in trees[i::margins])) for i in range(margins)]


Targets = list[tuple[int, int, float]]  # leaf, target, weight


def _leaf_margins(tree: Tree, target: int) -> Targets:
    return [(leaf, target, tree.value[leaf]) for leaf, column in enumerate(tree.column) if column == NO_COLUMN]


def _leaf_contributions(tree: Tree, first: int, sources: Sequence[int]) -> Targets:
    found: Targets = []
    todo: list[tuple[int, dict[int, float]]] = [(0, {})]
    while todo:
        node, so_far = todo.pop()
        column = tree.column[node]
        if column == NO_COLUMN:
            # ONNX asks for one weight a leaf at least.
            found += [(node, first + source, weight) for source, weight in (so_far or {0: 0.0}).items()]
            continue
        source = sources[column]
        for child in (tree.yes[node], tree.no[node]):
            moved = so_far.get(source, 0.0) + tree.value[child] - tree.value[node]
            todo.append((child, so_far | {source: moved}))
    return sorted(found)


def _ensemble(
    trees: Sequence[Tree], leaves: Sequence[Targets], targets: int, values: str, output: str
) -> onnx.NodeProto:
    nodes: dict[str, list[Any]] = {
        one: []
        for one in (
            "nodes_treeids",
            "nodes_nodeids",
            "nodes_featureids",
            "nodes_values",
            "nodes_modes",
            "nodes_truenodeids",
            "nodes_falsenodeids",
            "nodes_missing_value_tracks_true",
            "nodes_hitrates",
            "target_treeids",
            "target_nodeids",
            "target_ids",
            "target_weights",
        )
    }
    for number, (tree, weights) in enumerate(zip(trees, leaves, strict=True)):
        for node, column in enumerate(tree.column):
            leaf = column == NO_COLUMN
            nodes["nodes_treeids"].append(number)
            nodes["nodes_nodeids"].append(node)
            nodes["nodes_featureids"].append(0 if leaf else column)
            nodes["nodes_values"].append(tree.threshold[node])
            nodes["nodes_modes"].append("LEAF" if leaf else "BRANCH_LEQ")
            nodes["nodes_truenodeids"].append(tree.yes[node])
            nodes["nodes_falsenodeids"].append(tree.no[node])
            nodes["nodes_missing_value_tracks_true"].append(int(tree.missing_yes[node]))
            nodes["nodes_hitrates"].append(1.0)
        for leaf_number, target, weight in weights:
            nodes["target_treeids"].append(number)
            nodes["target_nodeids"].append(leaf_number)
            nodes["target_ids"].append(target)
            nodes["target_weights"].append(weight)
    return helper.make_node(
        "TreeEnsembleRegressor",
        [values],
        [output],
        domain="ai.onnx.ml",
        n_targets=targets,
        aggregate_function="SUM",
        post_transform="NONE",
        **nodes,
    )


def tree_model(
    nodes: Sequence[onnx.NodeProto], columns: int, outputs: dict[str, int], constants: Sequence[onnx.TensorProto] = ()
) -> onnx.ModelProto:
    """Return the model: `values` (rows, columns) float32 in, the outputs (rows, their width) float32 out."""
    graph = helper.make_graph(
        list(nodes),
        "boosted_trees",
        [helper.make_tensor_value_info("values", TensorProto.FLOAT, ["rows", columns])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width]) for name, width in outputs.items()],
        list(constants),
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", TREES_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, producer_name="hubbub")
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model


def margins_by_hand(trees: Sequence[Tree], margins: int, values: np.ndarray) -> np.ndarray:
    """Walk the trees without ONNX, in float64: what the graph is compared with."""
    found = np.zeros((len(values), margins))
    for i, tree in enumerate(trees):
        node = np.zeros(len(values), dtype=np.int64)
        column, threshold = np.array(tree.column), np.array(tree.threshold)
        yes, no, missing_yes = np.array(tree.yes), np.array(tree.no), np.array(tree.missing_yes)
        while (column[node] != NO_COLUMN).any():
            value = values[np.arange(len(values)), np.maximum(column[node], 0)].astype(np.float64)
            goes_yes = np.where(np.isnan(value), missing_yes[node], value <= threshold[node])
            node = np.where(column[node] == NO_COLUMN, node, np.where(goes_yes, yes[node], no[node]))
        found[:, i % margins] += np.array(tree.value)[node]
    return found
