"""Write the card of a bundle of records, its golden records, seal and report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime

from models.bundle import GRAPH, open_bundle
from models.loaded_records import FACTS, LoadedRecords, RecordFacts, golden_examples, load_records
from models.record_columns import width_of
from models.training.bundle_folder import digests, sizes, write_card
from models.training.records.table import Table
from models.training.report_page import Rows, write_page

VERSION = "1.0.0"
GOLDEN = 12


def write_bundle(
    folder: Path, name: str, facts: RecordFacts, margins: int, figures: dict[str, Any], train: Table, shown: Table
) -> None:
    """Write `card.json`, its seal and `report.html` beside the files that lie in `folder`, and check the whole.

    The golden examples are records of `shown`: whoever keeps the bundle from strangers must know that.
    """
    files = [GRAPH, FACTS]
    names = [column.name for column in facts.columns]
    card: dict[str, Any] = {
        "name": name,
        "version": VERSION,
        "task": "records",
        "inputs": [{"name": "values", "type": "float32", "shape": ["rows", width_of(facts.columns)]}],
        "outputs": [
            {"name": "margins", "type": "float32", "shape": ["rows", margins]},
            {"name": "contributions", "type": "float32", "shape": ["rows", margins * len(facts.sources)]},
        ],
        "runtime": {"onnxruntime": onnxruntime.__version__, "optimization": "basic"},
        "training_sets": [{"name": "the user's records", "rows": len(train.records), "licence": "the user's own"}],
        "method": "gradient-boosted trees; contributions along each tree's path, exact for this graph",
        "target": facts.target,
        "columns": names,
        "metrics": figures,
        "size_bytes": sizes(folder, files),
        "golden": [],
        "files": digests(folder, files),
    }
    write_card(folder, card)
    loaded = LoadedRecords(open_bundle(folder))
    rows = shown.records[:: max(1, len(shown.records) // GOLDEN)][:GOLDEN]
    kept = [{column: row.get(column) for column in names if row.get(column) is not None} for row in rows]
    card["golden"] = golden_examples(loaded, [{"record": record} for record in kept])
    write_card(folder, card)
    load_records(open_bundle(folder))
    _write_report(folder / "report.html", name, figures)


def _write_report(path: Path, name: str, figures: dict[str, Any]) -> None:
    trivial: Rows = [
        (f"{what.replace('_', ' ')}: {which.replace('_', ' ')}", value)
        for what, one in figures["trivial"].items()
        for which, value in one.items()
    ]
    plain: Rows = [(what.replace("_", " "), one) for what, one in figures.items() if not isinstance(one, dict)]
    write_page(
        path,
        name,
        "Figures are of held-out records; shape, rounds and limit were chosen on the same ones.",
        {
            "How well": plain,
            "What needs no model": trivial,
            "F1 by label": list(figures["f1"].items()),
            "Training rows by label": list(figures["labels"].items()),
            "The trees": list(figures["trees"].items()),
        },
    )
