"""Models of numbers and of sequences: the same bits whoever asks beside, in whichever order, and with how many threads.

What tests/contract/test_text_model.py says of texts. Batches have two rows or more where a graph runs; see
ARCHITECTURE.md, "Models".
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.bundle import Bundle, open_bundle
from models.forecast_model import ForecastModel
from models.loaded_forecast import LoadedForecast
from models.loaded_multivariate import LoadedMultivariate
from models.loaded_records import LoadedRecords
from models.loaded_sequences import LoadedSequences
from models.loaded_telemetry import LoadedTelemetry
from models.telemetry_model import TelemetryModel
from tests.tiny_multivariate_bundle import write_tiny_multivariate_bundle
from tests.tiny_record_bundle import write_tiny_record_bundle
from tests.tiny_sequence_bundle import BOOT, write_tiny_sequence_bundle

SEED = 20260301
ROWS = 300
ODD = (np.nan, 0.0, -0.0, 1e300, -1e300, 5e-324, 1.0)
Answers = Sequence[bytes]


@dataclass(frozen=True)
class Kind:
    """A kind of model: its bundle, how it is loaded, questions, and their answers as bytes."""

    bundle: Callable[[Path], Path]
    load: Callable[[Bundle], Any]
    questions: Callable[[], list[Any]]
    ask: Callable[[Any, Sequence[Any]], Answers]


def drawn_numbers(width: int) -> list[Any]:
    draw = np.random.default_rng(SEED)
    rows = draw.normal(size=(ROWS, width)) * 10.0 ** draw.integers(-3, 4, size=(ROWS, width))
    rows[draw.random((ROWS, width)) < 0.05] = draw.choice(ODD)
    return list(rows)


def drawn_readings() -> list[Any]:
    return list(np.random.default_rng(SEED).normal(20, 5, size=(ROWS, 2)))


def drawn_records() -> list[Any]:
    draw = random.Random(SEED)
    numbers = [*range(40, 110, 7), None, 1e300, -1e300, "nan", "1e999", ""]
    return [
        {"temp": draw.choice(numbers), "load": draw.choice(numbers), "kind": draw.choice(["fan", "pump", "x", None])}
        for _ in range(ROWS)
    ]


def drawn_sequences() -> list[Any]:
    draw = random.Random(SEED)
    return [draw.choices([*BOOT, "fire", ""], k=draw.randint(1, 30)) for _ in range(ROWS)]


def ask_telemetry(loaded: LoadedTelemetry, rows: Sequence[Any]) -> Answers:
    values, seconds = np.array(rows)[:, 0].copy(), np.abs(np.array(rows)[:, 1])
    states, found = np.zeros((len(rows), loaded.state_width)), []
    for _ in range(3):
        answer = loaded.step(values, seconds, states, 1e-4)
        states = answer.states
        found.append(np.column_stack([answer.score, answer.expected_low, answer.expected_high, states]))
    return [row.tobytes() for row in np.concatenate(found, axis=1)]


def ask_multivariate(loaded: LoadedMultivariate, rows: Sequence[Any]) -> Answers:
    states, found = np.zeros((len(rows), loaded.state_width)), []
    for _ in range(3):
        answer = loaded.step(np.array(rows), states)
        states = answer.states
        found.append(np.column_stack([answer.score, answer.contributions, states]))
    return [row.tobytes() for row in np.concatenate(found, axis=1)]


def ask_forecast(loaded: LoadedForecast, rows: Sequence[Any]) -> Answers:
    with np.errstate(over="ignore"):
        answer = loaded.judge(np.array(rows, dtype=np.float32))
    return [row.tobytes() for row in np.column_stack([answer.score, answer.weights])]


def ask_objects(loaded: LoadedRecords | LoadedSequences, rows: Sequence[Any]) -> Answers:
    return [repr(answer).encode() for answer in loaded.answer(rows)]


KINDS = {
    "telemetry": Kind(lambda _: TelemetryModel.named().path, LoadedTelemetry, drawn_readings, ask_telemetry),
    "multivariate": Kind(
        write_tiny_multivariate_bundle, LoadedMultivariate, lambda: drawn_numbers(4), ask_multivariate
    ),
    "forecast": Kind(lambda _: ForecastModel.named().path, LoadedForecast, lambda: drawn_numbers(25), ask_forecast),
    "records": Kind(write_tiny_record_bundle, LoadedRecords, drawn_records, ask_objects),
    "sequences": Kind(write_tiny_sequence_bundle, LoadedSequences, drawn_sequences, ask_objects),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


def test_the_same_bits_whatever_the_threads_the_order_and_the_company(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine of two cores, or one: those whose last bits would show it run on one thread anyway."""
    bundle, questions = open_bundle(kind.bundle(tmp_path)), kind.questions()
    loaded = []
    for cores in (1, 2):
        monkeypatch.setattr("models.session.cpu_quota", lambda cores=cores: cores)
        loaded.append(kind.load(bundle))
    one, two = loaded
    answers = kind.ask(one, questions)
    assert len(set(answers)) > 5, "answers that are all alike would prove nothing"
    assert kind.ask(one, questions) == answers, "a second time"
    assert kind.ask(two, questions) == answers, "on two cores"
    order = random.Random(SEED).sample(range(ROWS), ROWS)
    mixed = kind.ask(two, [questions[i] for i in order])
    assert [mixed[order.index(i)] for i in range(ROWS)] == answers, f"another order, seed {SEED}"
    for size in (1, 2, 7):
        parts = [kind.ask(one, questions[at : at + size])[0] for at in range(0, ROWS, 29)]
        assert parts == answers[::29], f"among {size}"
    with ThreadPoolExecutor(2) as threads:
        at_once = threads.map(lambda _: kind.ask(two, questions), range(4))
        assert all(one == answers for one in at_once), "asked by two at once"
