"""A telemetry model in memory: the session, checked by its golden series before it serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle, BundleRefused
from models.golden import Example, check_golden
from models.session import RUNTIME_VERSION, load_session

INPUTS = ("value", "seconds", "state", "alarm")
OUTPUTS = ("score", "is_anomaly", "expected_low", "expected_high", "kind", "new_state")
# A thousand readings are too little work to share out: more threads would only wait for each other.
THREADS = 1
# One row alone would run through other kernels than many do.
FEWEST_ROWS = 2


@dataclass(frozen=True, slots=True)
class ReadingAnswers:
    """What one reading of each series was answered; all are (rows,) but `states`, (rows, state).

    `score` is in [0, 1]: 1 - the probability of a reading at least as odd. `expected_low` and `expected_high` are not a
    number until the series is known. `kind` is an index into the model's kinds. `states` is the memory behind it.
    """

    score: NDArray[np.float64]
    is_anomaly: NDArray[np.bool_]
    expected_low: NDArray[np.float64]
    expected_high: NDArray[np.float64]
    kind: NDArray[np.int64]
    states: NDArray[np.float64]


def _check_card(bundle: Bundle) -> None:
    card = bundle.card
    wrong = None
    if card.task != "telemetry":
        wrong = f"expected the task telemetry, got {card.task}"
    elif tuple(one.name for one in card.inputs) != INPUTS:
        wrong = f"expected the inputs {', '.join(INPUTS)}, got {', '.join(one.name for one in card.inputs)}"
    elif tuple(one.name for one in card.outputs) != OUTPUTS:
        wrong = f"expected the outputs {', '.join(OUTPUTS)}, got {', '.join(one.name for one in card.outputs)}"
    elif not isinstance(card.inputs[2].shape[-1], int):
        wrong = "expected the width of `state` on the card, got none"
    elif [head.name for head in card.heads] != ["kind"]:
        wrong = "expected one head, kind, on the card"
    if wrong:
        raise BundleRefused(f"model bundle {bundle.path}: {wrong}")


class LoadedTelemetry:
    """Judges readings. Thread-safe: the memory of a series goes in and comes out."""

    def __init__(self, bundle: Bundle, threads: int | None = None) -> None:
        _check_card(bundle)
        self.card = bundle.card
        self.identity = bundle.identity(RUNTIME_VERSION)
        self.kinds = bundle.card.heads[0].labels
        self.state_width = int(bundle.card.inputs[2].shape[-1])
        self._session = load_session(bundle, threads)

    def step(
        self,
        values: NDArray[np.float64],
        seconds: NDArray[np.float64],
        states: NDArray[np.float64],
        alarm_probability: float,
    ) -> ReadingAnswers:
        """Judge one reading of each series and take it in."""
        rows = len(values)
        missing = max(FEWEST_ROWS - rows, 0)
        if missing:
            values, seconds = np.pad(values, (0, missing)), np.pad(seconds, (0, missing))
            states = np.pad(states, ((0, missing), (0, 0)))
        feeds = dict(zip(INPUTS, (values, seconds, states, np.array([alarm_probability])), strict=True))
        score, is_anomaly, low, high, kind, after = (answer[:rows] for answer in self._session.run(OUTPUTS, feeds))
        return ReadingAnswers(score, is_anomaly, low, high, kind.astype(np.int64), after)


def golden_examples(loaded: LoadedTelemetry, examples: Sequence[Example]) -> list[dict[str, Any]]:
    """Return golden series of one length, run side by side, with their answers.

    That is score, is_anomaly, expected_low, expected_high and kind of the readings from `since` on.
    """
    values, seconds = (
        np.array([example[name] for example in examples], dtype=np.float64) for name in ("values", "seconds")
    )
    states = np.zeros((len(examples), loaded.state_width))
    answers: list[list[list[Any]]] = [[] for _ in examples]
    for i in range(values.shape[1]):
        got = loaded.step(values[:, i], seconds[:, i], states, float(examples[0]["alarm_probability"]))
        states = got.states
        for row, example in enumerate(examples):
            if i >= example["since"]:
                answers[row].append(_golden_row(loaded, got, row))
    return [{**example, "answers": own} for example, own in zip(examples, answers, strict=True)]


def _golden_row(loaded: LoadedTelemetry, got: ReadingAnswers, row: int) -> list[Any]:
    low, high = (None if np.isnan(side[row]) else float(side[row]) for side in (got.expected_low, got.expected_high))
    return [float(got.score[row]), bool(got.is_anomaly[row]), low, high, loaded.kinds[got.kind[row]]]


def load_telemetry(bundle: Bundle) -> LoadedTelemetry:
    """Load a bundle and show it its golden series; BundleRefused unless each answer is the card's, to the last bit."""
    loaded = LoadedTelemetry(bundle, THREADS)
    check_golden(bundle, "series", partial(golden_examples, loaded))
    return loaded
