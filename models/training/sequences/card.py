"""Write the card of a bundle of event sequences, its golden sequences, seal and report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime

from models.bundle import GRAPH, open_bundle
from models.loaded_sequences import LoadedSequences, golden_examples, load_sequences
from models.sequence_facts import FACTS, JUDGE, Facts
from models.training.bundle_folder import digests, sizes, write_card
from models.training.report_page import write_page
from models.training.sequences.labelled import Sequences

VERSION = "1.0.0"
GOLDEN = 8  # of each kind


def write_bundle(
    folder: Path, name: str, facts: Facts, figures: dict[str, Any], train: Sequences, shown: Sequences
) -> None:
    """Write `card.json`, its seal and `report.html` beside the files that lie in `folder`, and check the whole.

    The golden examples are sequences of `shown`: whoever keeps the bundle from strangers must know that.
    """
    files = [GRAPH, FACTS, *([JUDGE] if facts.judge is not None else [])]
    card: dict[str, Any] = {
        "name": name,
        "version": VERSION,
        "task": "sequences",
        "inputs": [
            {"name": "gram", "type": "int64", "shape": ["steps"]},
            {"name": "contexts", "type": "int64", "shape": ["steps", facts.order - 1]},
        ],
        "outputs": [{"name": "surprise", "type": "float64", "shape": ["steps"]}],
        "runtime": {"onnxruntime": onnxruntime.__version__, "optimization": "basic"},
        "training_sets": [{"name": "the user's sequences", "rows": len(train.events), "licence": "the user's own"}],
        "method": (
            "trees over counts of runs of events, learnt from labels"
            if facts.judge is not None
            else "the most surprising step by next-event probabilities with back-off (Witten-Bell)"
        ),
        "metrics": figures,
        "size_bytes": sizes(folder, files),
        "golden": [],
        "files": digests(folder, files),
    }
    write_card(folder, card)
    loaded = LoadedSequences(open_bundle(folder))
    kinds: list[list[list[str]]] = [[], []] if shown.labelled else [[]]
    for events, odd in zip(shown.events, shown.abnormal, strict=True):
        kind = kinds[int(bool(odd)) if shown.labelled else 0]
        if len(kind) < GOLDEN and list(events) not in kind:
            kind.append(list(events))
    card["golden"] = golden_examples(loaded, [{"events": events} for kind in kinds for events in kind])
    write_card(folder, card)
    load_sequences(open_bundle(folder))
    _write_report(folder / "report.html", name, figures)


def _write_report(path: Path, name: str, figures: dict[str, Any]) -> None:
    trivial = figures.get("trivial", {})
    plain = [(key.replace("_", " "), value) for key, value in figures.items() if key != "trivial"]
    rows = [(f"F1 of {key.replace('_', ' ')}", one["f1"]) for key, one in trivial.items()]
    tables = {"How well": plain, "What needs no model": rows} if rows else {"How well": plain}
    note = "Figures are of the dev rows; limits were chosen on the same rows where they have labels."
    write_page(path, name, note, tables)
