"""A bundle of records in miniature: two trees written by hand, so that every answer can be worked out on paper."""

from __future__ import annotations

from pathlib import Path

import msgspec

from models.bundle import GRAPH
from models.loaded_records import FACTS, RecordFacts
from models.record_columns import Column
from models.training.given_rows import GivenRow
from models.training.records.card import write_bundle
from models.training.records.crosses import Crosses, pairs_of, source_places
from models.training.records.table import Table
from models.training.trees.graph import base_values, contributions_node, margins_node, tree_model
from models.training.trees.tree import NO_COLUMN, Tree

COLUMNS = (
    Column("temp", "number"),
    Column("load", "number", 3.0),
    Column("kind", "category", values=("fan", "pump")),
)


def tree(column: int, threshold: float, yes: float, no: float, *, missing_yes: bool) -> Tree:
    """One split; the root's value is the mean of both leaves."""
    return Tree(
        [column, NO_COLUMN, NO_COLUMN],
        [threshold, 0.0, 0.0],
        [missing_yes, False, False],
        [1, 0, 0],
        [2, 0, 0],
        [(yes + no) / 2, yes, no],
    )


def trees() -> list[Tree]:
    """Hot is 2 (else -2, as when it is missing); a pump is 1 (else -1); a product above 100 is 4 (else 0)."""
    return [
        tree(0, 70.0, -2.0, 2.0, missing_yes=True),
        tree(3, 0.5, -1.0, 1.0, missing_yes=True),
        tree(4, 100.0, 0.0, 4.0, missing_yes=True),
    ]


def write_tiny_record_bundle(folder: Path) -> Path:
    """Write the bundle; return its folder."""
    folder = folder / "tiny-records"
    folder.mkdir(parents=True, exist_ok=True)
    crosses: Crosses = pairs_of(COLUMNS)
    nodes, places, wide = crosses.nodes()
    own, sources = trees(), source_places(COLUMNS, crosses)
    nodes += [
        margins_node(own, 1, wide, "margins"),
        contributions_node(own, 1, sources, wide, "contributions"),
    ]
    model = tree_model(nodes, 4, {"margins": 1, "contributions": max(sources) + 1}, places)
    (folder / GRAPH).write_bytes(model.SerializeToString(deterministic=True))
    names = (*(column.name for column in COLUMNS), *crosses.sources())
    facts = RecordFacts("failed", ("no", "yes"), COLUMNS, names, tuple(base_values(own, 1)), 0.5)
    (folder / FACTS).write_bytes(msgspec.json.encode(facts))
    rows: list[GivenRow] = [{"temp": 80, "kind": "fan"}, {"load": 9.5}]
    figures = {
        "trivial": {"most_frequent_label": {"accuracy": 0.5}},
        "f1": {"no": 1.0},
        "labels": {"no": 1},
        "trees": {"rounds": 1},
    }
    write_bundle(folder, "tiny-records", facts, 1, figures, Table(rows, ["no", "yes"]), Table(rows, ["no", "yes"]))
    return folder
