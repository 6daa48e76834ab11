"""Write the bundle: graph, card with golden series, and the seal."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime
import orjson

from models.bundle import CARD, GRAPH, open_bundle, seal_card
from models.loaded_telemetry import LoadedTelemetry, golden_examples, load_telemetry
from models.telemetry_model import MONTHLY
from models.training.telemetry.formulas import KINDS, WARM_UP
from models.training.telemetry.graph import INPUTS, OUTPUTS, detector, shape_of
from models.training.telemetry.reference import telemetry_reference
from models.training.telemetry.series import FAULTS, Family, with_fault

NAME = "telemetry-level"
VERSION = "3.0.0"
NOTE = (
    "Formulas, no trained weights: what a series is like, the detector learns from that series alone. Which records it "
    "keeps, how they fade, and by what margins they must be surpassed was chosen on the Numenta Anomaly Benchmark "
    "(MIT; 51 series, without its group realKnownCause), so the figures on its whole are not held out; those "
    "named left_out judge each group with margins, or a threshold, chosen without it (the kinds of records were chosen "
    "with all). The "
    "other constants were chosen by hand on generated series, those of models/training/telemetry/series.py, for about "
    "one false alarm a month of a series read once a minute. Warm-up: nothing is answered for the first 30 readings; "
    "hours of the day are known from the second day on, days of the week from the third week on; records are young, "
    "and alarms rarer, for some hundred readings."
)
_FAULT_AT, _GOLDEN_READINGS = 130, 190


def golden_inputs() -> list[dict[str, Any]]:
    """Return one short series for each fault, without answers: a noisy value, mostly one reading a minute."""
    draw = np.random.default_rng(7)
    values = np.round(20 + draw.normal(size=(_GOLDEN_READINGS, 1)), 3)
    seconds = np.where(np.arange(_GOLDEN_READINGS) % 37 == 36, 240.0, 60.0)
    seconds[0] = 0.0
    examples = []
    for fault in FAULTS:
        faulty = np.round(with_fault(Family("golden", 2.0, values), fault, _FAULT_AT)[:, 0], 3)
        examples.append(
            {
                "name": fault,
                "values": faulty.tolist(),
                "seconds": seconds.tolist(),
                "alarm_probability": MONTHLY,
                "since": 0 if fault == "spike" else _FAULT_AT - 5,
            }
        )
    return [*examples, _odd_week(draw)]


def _odd_week(draw: np.random.Generator) -> dict[str, Any]:
    """Return a series read every three hours: three working weeks, and a Wednesday like a Sunday."""
    at = np.arange(_GOLDEN_READINGS)
    day, works = at // 8, (at % 8 >= 3) & (at % 8 < 6)
    busy = works & (day % 7 < 5) & (day != 23)
    seconds = np.full(_GOLDEN_READINGS, 10_800.0)
    seconds[0] = 0.0
    return {
        "name": "week",
        "values": np.round(2 + 8 * busy + 0.3 * draw.normal(size=_GOLDEN_READINGS), 3).tolist(),
        "seconds": seconds.tolist(),
        "alarm_probability": MONTHLY,
        "since": _FAULT_AT - 5,
    }


def write_bundle(folder: Path, metrics: dict[str, Any] | None = None) -> LoadedTelemetry:
    """Write the whole bundle into `folder`, verified as it will be when it is loaded; return the loaded model."""
    folder.mkdir(parents=True, exist_ok=True)
    graph = detector().SerializeToString(deterministic=True)
    (folder / GRAPH).write_bytes(graph)
    card: dict[str, Any] = {
        "name": NAME,
        "version": VERSION,
        "task": "telemetry",
        "heads": [{"name": "kind", "labels": list(KINDS)}],
        "inputs": [{"name": name, "type": type_, "shape": shape_of(name)} for name, type_ in INPUTS.items()],
        "outputs": [{"name": name, "type": type_, "shape": shape_of(name)} for name, type_ in OUTPUTS.items()],
        # The level of optimization changes no bit here, for every operation is correctly rounded; folding constants
        # saves a few nodes.
        "runtime": {"onnxruntime": onnxruntime.__version__, "optimization": "basic"},
        "training_sets": [],
        "training_note": NOTE,
        "licence_note": "Apache-2.0, as the project.",
        "thresholds": {"alarm_probability": MONTHLY, "warm_up_readings": int(WARM_UP)},
        "metrics": metrics or {},
        "size_bytes": {GRAPH: len(graph)},
        "golden": [],
        "files": {GRAPH: hashlib.sha256(graph).hexdigest()},
    }
    _write(folder, card)
    loaded = LoadedTelemetry(open_bundle(folder), 1)
    card["golden"] = golden_examples(loaded, golden_inputs())
    card["reference"] = {topic: msgspec.to_builtins(one) for topic, one in telemetry_reference(loaded).items()}
    _write(folder, card)
    return load_telemetry(open_bundle(folder))


def _write(folder: Path, card: dict[str, Any]) -> None:
    # One line: a card with its golden series is read by programs; `hubbub models show` lays it out for people.
    (folder / CARD).write_bytes(orjson.dumps(card, option=orjson.OPT_APPEND_NEWLINE))
    seal_card(folder)
