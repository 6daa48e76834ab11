"""A model of forecasts in memory: the session, checked by golden numbers before it serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle, BundleRefused
from models.bundle_facts import read_facts
from models.golden import Example, check_golden
from models.session import RUNTIME_VERSION, load_session

FACTS = "forecast.json"
OUTPUTS = ("margins", "contributions")
FEWEST_ROWS = 2  # one row alone would run through other kernels than many do
DECIMALS = 6


class ForecastFacts(msgspec.Struct, frozen=True):
    """What a bundle for forecasts knows beside its graph.

    `features` names the numbers that it reads; `severity` and `horizon_s` say what is forecast: an alarm of this
    severity or worse within so many seconds. The probability is 1 / (1 + exp(-(`slope` * margin + `offset`))), fitted
    on days that the trees did not see; from `limit` on it should be called likely.
    """

    features: tuple[str, ...]
    severity: str
    horizon_s: float
    slope: float
    offset: float
    limit: float


@dataclass(frozen=True, slots=True)
class ForecastAnswers:
    """What each row was answered; (rows,), and `weights` (rows, features) in log odds. Rounded to six decimals."""

    score: NDArray[np.float64]
    weights: NDArray[np.float64]


class LoadedForecast:
    """Gives rows of numbers a probability. Thread-safe; an answer does not depend on the rows beside it."""

    def __init__(self, bundle: Bundle) -> None:
        self.card = bundle.card
        self.identity = bundle.identity(RUNTIME_VERSION)
        self.facts = read_facts(bundle, FACTS, ForecastFacts)
        # More threads would add up the trees in another order, and so give other last bits.
        self._session = load_session(bundle, 1)
        if bundle.card.inputs[0].shape[-1] != len(self.facts.features):
            raise BundleRefused(
                f"model bundle {bundle.path}: {FACTS} names {len(self.facts.features)} numbers, "
                f"the graph reads {bundle.card.inputs[0].shape[-1]}"
            )

    def judge(self, values: NDArray[np.float32]) -> ForecastAnswers:
        """Judge rows (rows, features); not-a-number where something is not known."""
        margins, weights = self.run(values)
        score = probabilities(margins, self.facts.slope, self.facts.offset)
        return ForecastAnswers(score, np.asarray(np.round(weights * self.facts.slope, DECIMALS)))

    def run(self, values: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return margins (rows,) and contributions (rows, features) as the graph gives them."""
        rows = len(values)
        padded = np.pad(values, ((0, max(FEWEST_ROWS - rows, 0)), (0, 0)))
        margins, contributions = self._session.run(OUTPUTS, {"values": padded})
        return margins[:rows, 0].astype(np.float64), contributions[:rows].astype(np.float64)


def probabilities(margins: NDArray[np.float64], slope: float, offset: float) -> NDArray[np.float64]:
    """Return calibrated probabilities, six decimals."""
    return np.asarray(np.round(1.0 / (1.0 + np.exp(-(slope * margins + offset))), DECIMALS))


def golden_examples(loaded: LoadedForecast, examples: Sequence[Example]) -> list[dict[str, Any]]:
    """Return each example's `values` (null where not known) with what it is answered."""
    values = np.array([[np.nan if one is None else one for one in each["values"]] for each in examples], np.float32)
    answers = loaded.judge(values)
    return [
        {
            "values": list(example["values"]),
            "score": float(answers.score[i]),
            "weights": answers.weights[i].tolist(),
        }
        for i, example in enumerate(examples)
    ]


def load_forecast(bundle: Bundle) -> LoadedForecast:
    """Load a bundle and show it its golden rows; BundleRefused unless each answer is the card's."""
    loaded = LoadedForecast(bundle)
    check_golden(bundle, "row", partial(golden_examples, loaded))
    return loaded
