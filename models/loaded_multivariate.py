"""A model of a device's metrics read together, in memory: checked by golden readings before it serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

FACTS = "multivariate.json"
INPUTS = ("values", "state")
OUTPUTS = ("oddness", "residual", "contributions", "new_state")
FEWEST_ROWS = 2  # one row alone would run through other kernels than many do
DECIMALS = 6
Numbers = NDArray[np.float64]


class MultivariateFacts(msgspec.Struct, frozen=True):
    """What a bundle knows beside its graph: the metrics in their order, and how odd normal readings are.

    `oddness` rises, `share` is the share of normal readings at least as odd; from an oddness of 1 on a reading is an
    anomaly.
    """

    metrics: tuple[str, ...]
    oddness: tuple[float, ...]
    share: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TogetherAnswers:
    """What one reading of each device was answered; (rows,), but contributions (rows, metrics) and states.

    `is_residual` says that the metrics do not go together as they used to (else they are together where they never
    were). Contributions are shares that add up to 1, or 0 for a reading exactly as expected.
    """

    score: Numbers
    is_anomaly: NDArray[np.bool_]
    is_residual: NDArray[np.bool_]
    contributions: Numbers
    states: Numbers


class LoadedMultivariate:
    """Judges readings of all metrics at once. Thread-safe: the memory of a device goes in and comes out."""

    def __init__(self, bundle: Bundle) -> None:
        self.card = bundle.card
        self.identity = bundle.identity(RUNTIME_VERSION)
        self.facts = read_facts(bundle, FACTS, MultivariateFacts)
        if bundle.card.inputs[0].shape[-1] != len(self.facts.metrics):
            raise BundleRefused(
                f"model bundle {bundle.path}: {FACTS} names {len(self.facts.metrics)} metrics, "
                f"the graph reads {bundle.card.inputs[0].shape[-1]}"
            )
        self.state_width = len(self.facts.metrics) + 1
        self._session = load_session(bundle, 1)

    def step(self, values: Numbers, states: Numbers) -> TogetherAnswers:
        """Judge one reading of each device and take it in.

        `values` are (rows, metrics), not-a-number where a metric was not read; `states` (rows, state_width), all zeros
        for a device without memory.
        """
        rows = len(values)
        missing = ((0, max(FEWEST_ROWS - rows, 0)), (0, 0))
        feeds = dict(zip(INPUTS, (np.pad(values, missing), np.pad(states, missing)), strict=True))
        oddness, residual, parts, after = (one[:rows] for one in self._session.run(OUTPUTS, feeds))
        share = np.interp(oddness, self.facts.oddness, self.facts.share)
        beyond = np.maximum(oddness / self.facts.oddness[-1] - 1.0, 0.0)
        return TogetherAnswers(
            np.round(1.0 - share * np.exp(-beyond), DECIMALS),
            oddness >= 1.0,
            residual,
            np.round(parts, DECIMALS),
            after,
        )


def golden_examples(loaded: LoadedMultivariate, examples: Sequence[Example]) -> list[dict[str, Any]]:
    """Return each example's `values`, one device's readings, with what each reading is answered.

    That is score, is_anomaly, is_residual and contributions.
    """
    return [{"values": example["values"], "answers": _answers_of(loaded, example["values"])} for example in examples]


def _answers_of(loaded: LoadedMultivariate, values: Sequence[Sequence[float | None]]) -> list[list[Any]]:
    states = np.zeros((1, loaded.state_width))
    answers: list[list[Any]] = []
    for reading in values:
        got = loaded.step(np.array([reading], dtype=np.float64), states)
        states = got.states
        answers.append(
            [float(got.score[0]), bool(got.is_anomaly[0]), bool(got.is_residual[0]), got.contributions[0].tolist()]
        )
    return answers


def load_multivariate(bundle: Bundle) -> LoadedMultivariate:
    """Load a bundle and show it its golden readings; BundleRefused unless each answer is the card's."""
    loaded = LoadedMultivariate(bundle)
    check_golden(bundle, "stretch", partial(golden_examples, loaded))
    return loaded


def readings_of(metrics: Sequence[str], rows: Sequence[Mapping[str, float | None]]) -> Numbers:
    """Return (rows, metrics), not-a-number where a row has not the metric."""
    return np.array(
        [[np.nan if (value := row.get(name)) is None else value for name in metrics] for row in rows], dtype=np.float64
    ).reshape(len(rows), len(metrics))
