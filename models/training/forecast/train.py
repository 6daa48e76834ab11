"""Make a bundle of failure forecasts: trees and their calibration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.bundle import GRAPH, open_bundle
from models.loaded_forecast import FACTS, ForecastFacts, LoadedForecast, golden_examples, load_forecast
from models.training.bundle_folder import bundle_name, digests, sizes, write_card
from models.training.encoder.progress import say
from models.training.forecast.calibrate import slope_and_offset
from models.training.forecast.rows import ForecastRows
from models.training.trees.boost import Fitted, Shape, fit
from models.training.trees.graph import base_values, contributions_node, margins_by_hand, margins_node, tree_model

VERSION = "1.0.0"
GOLDEN = 12
MOST_APART = 1e-4  # float32 sums of some hundred leaves
LIKELY = 0.5  # more probable than not: what a calibrated probability means needs no tuning
SHAPES = (
    Shape(num_leaves=5, learning_rate=0.05, min_child_samples=40, colsample_bytree=0.5, reg_lambda=5.0, max_rounds=300),
    Shape(
        num_leaves=15, learning_rate=0.05, min_child_samples=40, colsample_bytree=0.5, reg_lambda=5.0, max_rounds=300
    ),
)


@dataclass(frozen=True)
class Options:
    """What is forecast, from which numbers, and where the bundle goes.

    `rising` is 1 for a number that may only raise the probability; `about` tells the card of the training rows.
    """

    output: Path
    features: tuple[str, ...]
    rising: tuple[int, ...]
    severity: str
    horizon_s: float
    about: dict[str, Any]
    seed: int = 7
    threads: int = 1


def train_forecast(options: Options, train: ForecastRows, dev: ForecastRows) -> ForecastFacts:
    """Fit on `train`; stop and calibrate on `dev`; write graph and facts, and return the facts.

    The card is written by `write_bundle`, once the bundle has been measured.
    """
    best: tuple[float, Fitted, Shape] | None = None
    for shape in SHAPES:
        fitted = fit(
            train.values,
            train.truth.astype(np.int64),
            2,
            shape,
            weights=train.weight,
            stop_on=(dev.values, dev.truth.astype(np.int64)),
            stop_weights=dev.weight,
            rising=options.rising,
            seed=options.seed,
            threads=options.threads,
        )
        loss = _log_loss(fitted.predict_margins(dev.values)[:, 0], dev)
        say(f"{shape.num_leaves} leaves: {fitted.rounds} rounds, log loss {loss:.6f} on dev")
        if best is None or loss < best[0]:
            best = (loss, fitted, shape)
    assert best is not None
    fitted = best[1]
    margins = fitted.predict_margins(dev.values)[:, 0]
    slope, offset = slope_and_offset(margins, dev.truth, dev.weight)
    facts = ForecastFacts(options.features, options.severity, options.horizon_s, slope, offset, LIKELY)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / FACTS).write_bytes(msgspec.json.encode(facts))
    width = len(options.features)
    nodes = [
        margins_node(fitted.trees, 1, "values", "margins"),
        contributions_node(fitted.trees, 1, list(range(width)), "values", "contributions"),
    ]
    model = tree_model(nodes, width, {"margins": 1, "contributions": width})
    (options.output / GRAPH).write_bytes(model.SerializeToString(deterministic=True))
    _write_card(options, {}, [])
    _assert_equal(LoadedForecast(open_bundle(options.output)), fitted, dev.values)
    return facts


def write_bundle(options: Options, figures: dict[str, Any], shown: NDArray[np.float32]) -> None:
    """Write `card.json` with the figures and the answers to some of the rows `shown`, its seal, and check the whole."""
    loaded = LoadedForecast(open_bundle(options.output))
    order = np.argsort(loaded.judge(shown).score, kind="stable")  # from the least probable to the most
    kept = shown[order[np.linspace(0, len(order) - 1, GOLDEN).astype(int)]]
    values = [[None if np.isnan(one) else float(one) for one in row] for row in kept]
    _write_card(options, figures, golden_examples(loaded, [{"values": row} for row in values]))
    load_forecast(open_bundle(options.output))


def _write_card(options: Options, figures: dict[str, Any], golden: list[dict[str, Any]]) -> None:
    files, width = [GRAPH, FACTS], len(options.features)
    write_card(
        options.output,
        {
            "name": bundle_name(options.output),
            "version": VERSION,
            "task": "forecast",
            "inputs": [{"name": "values", "type": "float32", "shape": ["rows", width]}],
            "outputs": [
                {"name": "margins", "type": "float32", "shape": ["rows", 1]},
                {"name": "contributions", "type": "float32", "shape": ["rows", width]},
            ],
            "runtime": {"onnxruntime": onnxruntime.__version__, "optimization": "basic"},
            "training_sets": [{"name": "simulated days of the demo's house", "licence": "the project's own"}],
            "method": "gradient-boosted trees, calibrated by slope and offset; contributions along each tree's path",
            "forecast": f"an alarm of {options.severity} or worse of the device within {options.horizon_s:.0f} s",
            "features": list(options.features),
            "trained_on": options.about,
            "metrics": figures,
            "size_bytes": sizes(options.output, files),
            "golden": golden,
            "files": digests(options.output, files),
        },
    )


def _log_loss(margins: NDArray[np.float64], rows: ForecastRows) -> float:
    signed = np.where(rows.truth, -margins, margins)
    return float(np.average(np.logaddexp(0.0, signed), weights=rows.weight))


def _assert_equal(loaded: LoadedForecast, fitted: Fitted, values: NDArray[np.float32]) -> None:
    """The graph's margins are the trees' within float32, and base value and contributions add up to them."""
    margins, contributions = loaded.run(values)
    by_hand = margins_by_hand(fitted.trees, 1, values)[:, 0]
    if float(np.abs(margins - by_hand).max()) > MOST_APART:
        raise AssertionError("the graph's margins are not the trees'; this is a bug")
    sums = contributions.sum(axis=1) + base_values(fitted.trees, 1)[0]
    if float(np.abs(sums - margins).max()) > 10 * MOST_APART:
        raise AssertionError("base value and contributions do not add up to the margins; this is a bug")
