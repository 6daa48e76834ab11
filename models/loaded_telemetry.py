"""A telemetry model in memory: the session, checked by its golden series before it serves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle, BundleRefused
from models.golden import Example, check_golden
from models.onnx_graph import read_graph
from models.row_program import NotElementWise, RowProgram, row_program
from models.session import RUNTIME_VERSION, load_session

INPUTS = ("value", "seconds", "state", "alarm")
OUTPUTS = ("score", "is_anomaly", "expected_low", "expected_high", "kind", "new_state")
ANSWERS = len(OUTPUTS) - 1  # of one number each, before the state
# What is asked of a memory here stands at its beginning: readings taken in, and the usual seconds between two.
READINGS, INTERVAL = 0, 1
# So many readings make the interval known.
KNOWN_FROM = 30
# A thousand readings are too little work to share out: more threads would only wait for each other.
THREADS = 1
# One row alone would run through other kernels than many do.
FEWEST_ROWS = 2


@dataclass(frozen=True, slots=True)
class ReadingAnswers:
    """What one reading of each series was answered; all are (rows,) but `states`, (rows, state).

    `score` is in [0, 1]: 1 - the probability of a reading at least as odd. `expected_low` and `expected_high` are not a
    number until the series is known. `kind` is an index into the model's kinds. `gap` is how many seconds the series
    was silent before the reading, not a number where that is no gap (see `gap_from`). `states` is the memory behind it.
    """

    score: NDArray[np.float64]
    is_anomaly: NDArray[np.bool_]
    expected_low: NDArray[np.float64]
    expected_high: NDArray[np.float64]
    kind: NDArray[np.int64]
    gap: NDArray[np.float64]
    states: NDArray[np.float64]


def gap_from(alarm_probability: float) -> float:
    """Return how many usual intervals a silence must exceed to be a gap.

    Readings that come by chance, so many an hour and each for itself, are silent for that long less often than this
    probability: P(longer than n intervals) = exp(-n). Readings that come by a clock never are. At 1/43,200 that is 10.7
    intervals; never less than three.
    """
    return max(round(-math.log(alarm_probability), 6), 3.0)


Number = TypeVar("Number", float, NDArray[np.float64])


def _ends_a_gap(seconds: Number, readings: Number, interval: Number, silent: float) -> bool | NDArray[np.bool_]:
    """Whether a reading so many `seconds` behind the last one comes after a gap; of one, or of many at once."""
    return (readings >= KNOWN_FROM) & (seconds > interval * silent)


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


def _program_of(bundle: Bundle, state: int) -> RowProgram | None:
    """Return the graph as a program of one row; None for a graph of which there is none."""
    widths = {"value": 1, "seconds": 1, "state": state, "alarm": 1}
    try:
        return row_program(read_graph(bundle.graph), widths)
    except NotElementWise:
        return None


class LoadedTelemetry:
    """Judges readings. Thread-safe: the memory of a series goes in and comes out."""

    def __init__(self, bundle: Bundle, threads: int | None = None) -> None:
        _check_card(bundle)
        self.card = bundle.card
        self.identity = bundle.identity(RUNTIME_VERSION)
        self.kinds = bundle.card.heads[0].labels
        self.state_width = int(bundle.card.inputs[2].shape[-1])
        self._session = load_session(bundle, threads)
        self._program = _program_of(bundle, self.state_width)

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
        silent = gap_from(alarm_probability)
        gap = np.where(_ends_a_gap(seconds, states[:, READINGS], states[:, INTERVAL], silent), seconds, np.nan)[:rows]
        feeds = dict(zip(INPUTS, (values, seconds, states, np.array([alarm_probability])), strict=True))
        score, is_anomaly, low, high, kind, after = (answer[:rows] for answer in self._session.run(OUTPUTS, feeds))
        # Whether a zero has a sign depends on where in a run its row lies; adding 0.0 takes it away.
        after += 0.0
        return ReadingAnswers(score + 0.0, is_anomaly, low + 0.0, high + 0.0, kind.astype(np.int64), gap, after)

    def follow(
        self,
        values: NDArray[np.float64],
        seconds: NDArray[np.float64],
        taken: NDArray[np.bool_],
        state: NDArray[np.float64],
        alarm_probability: float,
    ) -> ReadingAnswers:
        """Judge readings of one series that follow on each other; take in those that are `taken`.

        `values`, `seconds` and `taken` are (rows,), `state` (state,) is the memory before the first; `states`,
        (1, state), is that behind the last. The same bits as by `step`, sooner: nothing waits for a row beside it.
        """
        if self._program is None:
            return self._follow_by_steps(values, seconds, taken, state, alarm_probability)
        program, now, answers = self._program, tuple(state.tolist()), []
        gaps, silent = [], gap_from(alarm_probability)
        for value, since, is_taken in zip(values.tolist(), seconds.tolist(), taken.tolist(), strict=True):
            gaps.append(since if _ends_a_gap(since, now[READINGS], now[INTERVAL], silent) else math.nan)
            found = program(value, since, *now, alarm_probability)
            answers.append(found[:ANSWERS])
            if is_taken:
                now = found[ANSWERS:]
        score, odd, low, high, kind = (np.array(one, dtype=np.float64) for one in zip(*answers, strict=True))
        states = np.array([now], dtype=np.float64) + 0.0
        gap = np.array(gaps, dtype=np.float64)
        return ReadingAnswers(score + 0.0, odd > 0, low + 0.0, high + 0.0, kind.astype(np.int64), gap, states)

    def _follow_by_steps(
        self,
        values: NDArray[np.float64],
        seconds: NDArray[np.float64],
        taken: NDArray[np.bool_],
        state: NDArray[np.float64],
        alarm_probability: float,
    ) -> ReadingAnswers:
        states, steps = state[None], []
        for at in range(len(values)):
            steps.append(self.step(values[at : at + 1], seconds[at : at + 1], states, alarm_probability))
            states = steps[-1].states if taken[at] else states
        return ReadingAnswers(
            np.concatenate([one.score for one in steps]),
            np.concatenate([one.is_anomaly for one in steps]),
            np.concatenate([one.expected_low for one in steps]),
            np.concatenate([one.expected_high for one in steps]),
            np.concatenate([one.kind for one in steps]),
            np.concatenate([one.gap for one in steps]),
            states,
        )


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
    _check_following(bundle, loaded)
    return loaded


def _check_following(bundle: Bundle, loaded: LoadedTelemetry) -> None:
    """Raise BundleRefused unless a series that is followed alone is answered as it is beside others."""
    for example in bundle.card.golden:
        values, seconds = (np.array(example[name], dtype=np.float64) for name in ("values", "seconds"))
        alarm, state = float(example["alarm_probability"]), np.zeros(loaded.state_width)
        got = loaded.follow(values, seconds, np.ones(len(values), dtype=bool), state, alarm)
        since = int(example["since"])
        if got.states[0, READINGS] != len(values):
            raise BundleRefused(
                f"model bundle {bundle.path}: golden series {example['name']!r}: expected memory to begin with its "
                f"{len(values)} readings, got {got.states[0, READINGS]}"
            )
        rows = [_golden_row(loaded, got, row) for row in range(since, len(values))]
        if rows != [list(one) for one in example["answers"]]:
            raise BundleRefused(
                f"model bundle {bundle.path}: golden series {example['name']!r}: one row at a time is answered "
                "otherwise than several at once"
            )
