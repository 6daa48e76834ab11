"""Make a bundle that knows which metrics go together, from normal readings alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime

from models.bundle import GRAPH, open_bundle
from models.loaded_multivariate import (
    FACTS,
    LoadedMultivariate,
    MultivariateFacts,
    Numbers,
    golden_examples,
    load_multivariate,
)
from models.reference import ODDNESS, Reference, reference_of
from models.training.bundle_folder import bundle_name, digests, sizes, write_card, write_reference
from models.training.encoder.progress import say
from models.training.multivariate.components import (
    KEPT_VARIANCE,
    SMOOTHING,
    Components,
    distances,
    fit_components,
    smoothed,
    standardised,
)
from models.training.multivariate.graph import together_graph
from models.training.multivariate.readings import Readings, read_readings
from models.training.report_page import write_page

VERSION = "1.0.0"
KNOTS = 256
GOLDEN = 12
MOST_APART = 1e-9
TOPIC = "device.metrics"
MOST_ASKED = 20_000  # readings of a device, for the reference


@dataclass(frozen=True)
class Options:
    """What a person chose."""

    data: Path
    output: Path


def train_multivariate(options: Options) -> dict[str, Any]:
    """Learn from a normal stretch, write the bundle, and return its figures.

    Raises BadFile for files that cannot be trained on.
    """
    readings = read_readings(options.data)
    for warning in readings.warnings:
        say(f"warning: {warning}")
    stretches = list(readings.by_device.values())
    components = fit_components(stretches)
    smooth = np.concatenate([smoothed(standardised(one, components.center, components.scale)) for one in stretches])
    t2, q = distances(smooth, components)
    oddness = np.maximum(t2 / components.t2_limit, q / components.q_limit)
    figures: dict[str, Any] = {
        "readings": readings.rows,
        "devices": len(stretches),
        "metrics": len(readings.metrics),
        "components": components.loadings.shape[1],
        "kept_variance": KEPT_VARIANCE,
        "smoothing": SMOOTHING,
        "t2_limit": components.t2_limit,
        "q_limit": components.q_limit,
        "normal_readings_called_odd": round(float((oddness >= 1.0).mean()), 4),
    }
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / GRAPH).write_bytes(together_graph(components).SerializeToString(deterministic=True))
    (options.output / FACTS).write_bytes(msgspec.json.encode(_facts(readings, oddness)))
    _write_card(options.output, readings, figures)
    _assert_equal(options.output, stretches[0], components)
    write_reference(options.output, {TOPIC: _reference(options, readings)})
    return figures


def _reference(options: Options, readings: Readings) -> Reference:
    """Count the normal readings themselves, and what is answered about them."""
    loaded = load_multivariate(open_bundle(options.output))
    scores, kinds = [], []
    for stretch in readings.by_device.values():
        states = np.zeros((1, loaded.state_width))
        for row in stretch[:MOST_ASKED]:
            got = loaded.step(row[None], states)
            states = got.states
            scores.append(got.score[0])
            kinds.append(("relation" if got.is_residual[0] else "level") if got.is_anomaly[0] else "none")
    together = np.concatenate(list(readings.by_device.values()))
    numbers = {f"value of {metric}": together[:, place] for place, metric in enumerate(readings.metrics)}
    data = f"the normal readings of {options.data.name}"
    return reference_of(data, readings.rows, {ODDNESS: np.array(scores), **numbers}, {"anomaly": kinds})


def _facts(readings: Readings, oddness: Numbers) -> MultivariateFacts:
    distinct = np.unique(oddness)
    share = (len(oddness) - np.searchsorted(np.sort(oddness), distinct) + 1) / (len(oddness) + 1)
    kept = np.unique(np.linspace(0, len(distinct) - 1, KNOTS).astype(int))
    return MultivariateFacts(readings.metrics, tuple(distinct[kept].tolist()), tuple(share[kept].tolist()))


def _write_card(folder: Path, readings: Readings, figures: dict[str, Any]) -> None:
    metrics, files = len(readings.metrics), [GRAPH, FACTS]
    name = bundle_name(folder)

    def tensor(of: str, columns: int | None, type_: str = "float64") -> dict[str, Any]:
        return {"name": of, "type": type_, "shape": ["rows"] if columns is None else ["rows", columns]}

    card: dict[str, Any] = {
        "name": name,
        "version": VERSION,
        "task": "multivariate",
        "inputs": [tensor("values", metrics), tensor("state", metrics + 1)],
        "outputs": [
            tensor("oddness", None),
            tensor("residual", None, "bool"),
            tensor("contributions", metrics),
            tensor("new_state", metrics + 1),
        ],
        "runtime": {"onnxruntime": onnxruntime.__version__, "optimization": "basic"},
        "training_sets": [{"name": "the user's readings", "rows": readings.rows, "licence": "the user's own"}],
        "method": "T² and Q of smoothed readings on principal components of a normal stretch",
        "metrics": figures,
        "size_bytes": sizes(folder, files),
        "golden": [],
        "files": digests(folder, files),
    }
    write_card(folder, card)
    loaded = LoadedMultivariate(open_bundle(folder))
    first = next(iter(readings.by_device.values()))[:GOLDEN]
    values = [[None if np.isnan(one) else one for one in row] for row in first.tolist()]
    # And one with the first metric gone astray.
    spread = float(np.nanstd(first[:, 0]) or 1.0)
    values.append([(values[-1][0] or 0.0) + 100.0 * spread, *values[-1][1:]])
    card["golden"] = golden_examples(loaded, [{"values": values}])
    write_card(folder, card)
    load_multivariate(open_bundle(folder))
    rows = [(what.replace("_", " "), value) for what, value in figures.items()]
    note = "Figures are of the normal readings themselves: what a fault looks like was not shown."
    write_page(folder / "report.html", name, note, {"How it was learnt": rows})


def _assert_equal(folder: Path, stretch: Numbers, components: Components) -> None:
    """The graph, reading by reading, says what the formulas say of the whole stretch."""
    loaded = LoadedMultivariate(open_bundle(folder))
    shown = stretch[:200]
    smooth = smoothed(standardised(shown, components.center, components.scale))
    states = np.zeros((1, loaded.state_width))
    for row in range(len(shown)):
        states = loaded.step(shown[row : row + 1], states).states
        if float(np.abs(states[0, :-1] - smooth[row]).max()) > MOST_APART:
            raise AssertionError(f"the graph's memory after reading {row} is not the formulas'; this is a bug")
