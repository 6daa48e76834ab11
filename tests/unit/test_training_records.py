"""Records: reading a user's table, choosing columns, trees as a graph, answers worked out by hand."""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.record_columns import Column, WrongValue, encode
from models.record_model import RecordModel
from models.session import Session
from models.training.given_rows import BadFile, GivenRow
from models.training.records.choose_columns import choose_columns
from models.training.records.crosses import pairs_of
from models.training.records.measure import figures_of
from models.training.records.split import held_out
from models.training.records.table import read_table
from models.training.trees.graph import (
    base_values,
    contributions_node,
    margins_by_hand,
    margins_node,
    tree_model,
)
from models.training.trees.tree import NO_COLUMN, Tree, float32_below, read_trees
from tests.tiny_record_bundle import write_tiny_record_bundle


def table(folder: Path, text: str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", r"rows\.csv:2: expected the column failed, got a, b"),
        ("a,failed\n1,yes,3\n", r"rows\.csv:2: expected 2 cells, got more"),
        ("a,failed\n1,yes\n2,yes\n", r"expected at least two labels in failed, got yes"),
        ("a,failed\n" + "".join(f"1,{i}.5\n" for i in range(101)), r"expected at most 100 labels .* is it a number\?"),
    ],
)
def test_a_bad_table_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadFile, match=said):
        read_table(table(tmp_path, text), "failed")


def test_all_forms_say_the_same(tmp_path: Path) -> None:
    rows: list[GivenRow] = [{"temp": 1.5, "kind": "fan"}, {"temp": None, "kind": "pump"}]
    csv = read_table(table(tmp_path, "temp,kind,failed\n1.5,fan,1\n,pump,0\n7,fan,\n"), "failed")
    tsv = read_table(table(tmp_path, "temp\tkind\tfailed\n1.5\tfan\t1\n\tpump\t0\n", "rows.tsv"), "failed")
    json = read_table(
        table(tmp_path, '{"temp":1.5,"kind":"fan","failed":1}\n{"kind":"pump","failed":0}\n', "rows.jsonl"), "failed"
    )
    pq.write_table(
        pa.Table.from_pylist([row | {"failed": 1 - i} for i, row in enumerate(rows)]), tmp_path / "r.parquet"
    )
    parquet = read_table(tmp_path / "r.parquet", "failed")
    columns, _ = choose_columns(rows)
    expected = encode(columns, rows)
    for found in (csv, tsv, json, parquet):
        assert found.labels == ["1", "0"]
        np.testing.assert_array_equal(encode(columns, found.records), expected)
    assert "1 rows without failed are left out, first in line 4" in csv.warnings[0]


def test_columns_that_tell_nothing_are_left_out() -> None:
    rows: list[GivenRow] = [
        {
            "row": i,
            "serial": f"s{i}",
            "constant": 7,
            "kind": "ab"[i % 2],
            "code": i % 3,
            "gap": None if i == 5 else i % 4,
        }
        for i in range(40)
    ]
    columns, said = choose_columns(rows, categories=["code"])
    assert columns == [
        Column("kind", "category", values=("a", "b")),
        Column("code", "category", values=("0", "1", "2")),
        Column("gap", "number", None),
    ]
    told = " ".join(said)
    assert "row is left out: it rises" in told and "serial is left out: it looks like an identifier" in told
    assert "1 columns are left out, for they have one value: constant" in told
    with pytest.raises(BadFile, match=r"expected one of the columns row, .*, got 'colour'"):
        choose_columns(rows, drop=["colour"])


def test_missing_unseen_and_odd_values() -> None:
    columns = [Column("a", "number", 2.0), Column("b", "number"), Column("c", "category", values=("", "x"))]
    rows: list[GivenRow] = [{}, {"a": "1e999", "b": " ", "c": "y"}, {"a": True, "b": "4", "c": "x"}]
    np.testing.assert_array_equal(
        encode(columns, rows), np.array([[2, np.nan, 1, 0], [2, np.nan, 0, 0], [1, 4, 0, 1]], dtype=np.float32)
    )
    with pytest.raises(WrongValue, match="expected a number in a, got a text"):
        encode(columns, [{"a": "hot"}])


@given(threshold=st.floats(allow_nan=False, allow_infinity=False), value=st.floats(width=32, allow_nan=False))
def test_a_rounded_threshold_parts_float32_values_alike(threshold: float, value: float) -> None:
    assert (value <= threshold) == (value <= float32_below(threshold))


def random_tree(draw: random.Random, columns: int, depth: int) -> Tree:
    tree = Tree()

    def grow(left: int) -> int:
        node = tree._append(NO_COLUMN, 0.0, False, float(np.float32(draw.gauss(0, 1))))
        if left and draw.random() < 0.9:
            tree.column[node] = draw.randrange(columns)
            tree.threshold[node], tree.missing_yes[node] = float(np.float32(draw.gauss(0, 1))), draw.random() < 0.5
            tree.yes[node], tree.no[node] = grow(left - 1), grow(left - 1)
        return node

    grow(depth)
    return tree


@pytest.mark.parametrize("margins", [1, 3])
def test_the_graph_says_what_the_trees_say_and_why(margins: int) -> None:
    """Margins are the trees' own; base values and contributions add up to them; neighbours change no bit."""
    draw = random.Random(11)
    trees = [random_tree(draw, 6, 5) for _ in range(30 * margins)]
    sources = [0, 1, 1, 2, 3, 3]
    nodes = [
        margins_node(trees, margins, "values", "margins"),
        contributions_node(trees, margins, sources, "values", "contributions"),
    ]
    model = tree_model(nodes, 6, {"margins": margins, "contributions": margins * 4})
    session = Session(model.SerializeToString(), "basic", 1)
    values = np.random.default_rng(3).normal(size=(200, 6)).astype(np.float32)
    values[::7, 2] = np.nan
    values[3, 0], values[4, 1] = np.inf, -np.inf
    found, why = session.run(("margins", "contributions"), {"values": values})
    np.testing.assert_allclose(found, margins_by_hand(trees, margins, values), atol=1e-5)
    sums = why.reshape(200, margins, 4).sum(axis=2) + base_values(trees, margins)
    np.testing.assert_allclose(sums, found, atol=1e-4)
    for size in (2, 3, 64):
        parts = [
            session.run(("margins", "contributions"), {"values": values[i : i + size]}) for i in range(0, 198, size)
        ]
        for whole, of_parts in zip((found, why), zip(*parts, strict=True), strict=True):
            together = np.concatenate(of_parts)
            np.testing.assert_array_equal(together, whole[: len(together)])


def test_the_description_of_a_split_is_read() -> None:
    """A missing value goes where the split says; where none was missing it counts as zero."""
    leaf = [{"leaf_value": -1.0, "leaf_count": 3}, {"leaf_value": 1.0, "leaf_count": 1}]
    split = {
        "split_index": 0,
        "split_feature": 0,
        "threshold": 0.1,
        "decision_type": "<=",
        "left_child": leaf[0],
        "right_child": leaf[1],
    }
    told = split | {"missing_type": "NaN", "default_left": False}
    silent = split | {"missing_type": "None", "default_left": False}
    trees = read_trees({"tree_info": [{"tree_structure": told}, {"tree_structure": silent}]})
    assert [tree.missing_yes[0] for tree in trees] == [False, True]
    assert trees[0].value[0] == -0.5
    with pytest.raises(ValueError, match="expected splits of numbers, got =="):
        read_trees({"tree_info": [{"tree_structure": told | {"decision_type": "=="}}]})


def test_answers_of_a_case_done_by_hand(tmp_path: Path) -> None:
    """The root values are 0, 0 and 2. A hot fan: 2 - 1 and, by 80 x 3 (the usual load), 4."""
    model = RecordModel(write_tiny_record_bundle(tmp_path))
    hot, unknown = model.answer([{"temp": 80, "kind": "fan"}, {"kind": "rocket"}])
    assert (hot.label, hot.probabilities[1]) == ("yes", round(1 / (1 + math.exp(-5)), 6))
    assert hot.contributions == (("temp", 2.0), ("temp * load", 2.0), ("kind", -1.0))
    # Nothing is known of its temperature, nor of the product with it: -2 - 1 + 0, told of the answered label.
    assert (unknown.label, unknown.probabilities[0]) == ("no", round(1 / (1 + math.exp(-3)), 6))
    assert unknown.contributions == (("temp", 2.0), ("temp * load", 2.0), ("kind", 1.0))


def test_an_answer_does_not_depend_on_its_neighbours(tmp_path: Path) -> None:
    model = RecordModel(write_tiny_record_bundle(tmp_path))
    draw = random.Random(3)
    rows = [{"temp": draw.gauss(70, 30), "kind": draw.choice(["fan", "pump", "x"])} for _ in range(50)]
    together = model.answer(rows)
    assert [model.answer([row])[0] for row in rows] == together


def test_pairs_are_of_numbers_and_not_of_too_many() -> None:
    numbers = [Column(f"n{i}", "number") for i in range(13)]
    assert pairs_of(numbers).left == ()
    some = pairs_of([Column("c", "category", values=("a", "b")), *numbers[:2]])
    assert (some.left, some.right, some.sources()) == ((2,), (3,), ("n0 * n1", "n0 - n1"))
    values = np.array([[1, 0, 3, 5], [0, 1, np.nan, 2]], dtype=np.float32)
    np.testing.assert_array_equal(some.widen(values)[:, 4:], np.array([[15, -2], [np.nan, np.nan]], dtype=np.float32))


def test_equal_rows_stay_on_one_side() -> None:
    values = np.random.default_rng(1).integers(0, 3, size=(300, 3)).astype(np.float32)
    parts = held_out(values, seed=1)
    for row in np.unique(values, axis=0):
        assert len(set(parts[(values == row).all(axis=1)].tolist())) == 1
    assert 0.1 < (parts == 0).mean() < 0.4


def test_figures_stand_beside_trivial_ones() -> None:
    truth, answer = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
    found = figures_of(truth, answer, ("no", "yes"), 0)
    assert found["accuracy"] == 0.75 and found["f1"]["yes"] == 0.6667
    assert found["trivial"]["most_frequent_label"]["accuracy"] == 0.75 and found["trivial"]["always_yes"]["f1"] == 0.4
