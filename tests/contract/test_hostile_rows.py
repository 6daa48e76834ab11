"""Operators with memory, and what no device should send: no cut, no other device's name changes an answer.

Times before 1970, in 2106 and out of order; numbers at the edge of float64; texts of 64 KB and of control characters;
nothing at all. Single series and templates have theirs in tests/unit; texts in tests/contract/test_hostile_text.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.forecast_model import ForecastModel
from models.multivariate_model import MultivariateModel
from models.sequence_model import SequenceModel
from operators.cut_sessions import CutSessions
from operators.detect_together import DetectTogether
from operators.expect_profile import ExpectProfile
from operators.forecast_failures import ForecastFailures
from operators.operator import KeyedOperator
from schemas.device_logs import DEVICE_LOGS
from schemas.device_metrics import DEVICE_METRICS
from schemas.device_signals import DEVICE_SIGNALS, SIGNAL_KINDS
from schemas.device_telemetry import DEVICE_TELEMETRY
from schemas.topic import Topic
from tests.cut_runs import run
from tests.registered_operators import row_batch
from tests.tiny_multivariate_bundle import write_tiny_multivariate_bundle
from tests.tiny_sequence_bundle import BOOT, write_tiny_sequence_bundle

Row = dict[str, Any]
DEVICES = "abc"
TIMES = st.one_of(
    st.integers(0, 90).map(lambda minute: f"2026-03-01T{minute // 60:02d}:{minute % 60:02d}:00Z"),
    st.sampled_from(
        ["0001-01-02T00:00:00Z", "1969-12-31T23:59:59.999999Z", "2026-04-11T00:00:00Z", "2106-02-07T06:28:15Z"]
    ),
)
NUMBERS = st.sampled_from([None, 0.0, -0.0, 1.0, 20.0, 1e300, -1e300, 1.7e308, 5e-324])
TEXTS = st.sampled_from(
    [None, "", *BOOT, "job-7", "x" * 65_536, "job-" + "9" * 65_536, "\u0000\u0001\ufffd\u202e job-7"]
)


def rows(**columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Row]]:
    fields = {"device_id": st.sampled_from(DEVICES), "event_time": TIMES, **columns}
    return st.lists(st.fixed_dictionaries(fields), max_size=16)


def together(folder: Path) -> KeyedOperator:
    return DetectTogether(MultivariateModel(write_tiny_multivariate_bundle(folder)))


def sessions(folder: Path) -> KeyedOperator:
    model = SequenceModel(write_tiny_sequence_bundle(folder))
    return CutSessions(model, quiet_s=120.0, event="component", most_events=5)


def sessions_by_id(_: Path) -> KeyedOperator:
    return CutSessions(event="component", session_pattern=r"job-(\d+)", most_events=3, most_sessions=2)


CASES: dict[str, tuple[Callable[[Path], KeyedOperator], Topic, st.SearchStrategy[list[Row]]]] = {
    "detect_together": (
        together,
        DEVICE_METRICS,
        rows(metrics=st.dictionaries(st.sampled_from(["speed", "flow", "current", "room", "x"]), NUMBERS)),
    ),
    "cut_sessions": (sessions, DEVICE_LOGS, rows(component=TEXTS)),
    "cut_sessions_by_id": (sessions_by_id, DEVICE_LOGS, rows(component=TEXTS, message=TEXTS)),
    "forecast_failures": (
        lambda _: ForecastFailures(ForecastModel.named()),
        DEVICE_SIGNALS,
        rows(
            kinds=st.one_of(st.lists(st.sampled_from(SIGNAL_KINDS), unique=True), st.just(["anomaly", "error_line"])),
            what=TEXTS,
            cleared=st.booleans(),
            input=st.just({"event_id": "0" * 32, "topic": "alarms", "partition": 0, "offset": 0}),
        ),
    ),
    "expect_profile": (
        lambda _: ExpectProfile(),
        DEVICE_TELEMETRY,
        rows(metric=st.sampled_from(["demand", "demand", "voltage"]), value=NUMBERS),
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundles")


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow])
@given(data=st.data())
def test_neither_cuts_nor_names_change_an_answer(folder: Path, name: str, data: st.DataObject) -> None:
    make, topic, drawn = CASES[name]
    operator, events = make(folder), data.draw(drawn)
    batch = row_batch(topic, events)
    straight = run(operator, batch)
    assert len(straight) == batch.num_rows or operator.emits
    assert run(operator, batch, range(1, batch.num_rows)) == straight
    cuts = data.draw(st.lists(st.integers(0, len(events)), max_size=4).map(sorted))
    assert run(operator, batch, cuts) == straight
    names = dict(zip(DEVICES, data.draw(st.permutations(DEVICES)), strict=True))
    back = {new: old for old, new in names.items()}
    renamed = run(operator, row_batch(topic, [row | {"device_id": names[row["device_id"]]} for row in events]))
    for row in renamed:
        for column in ("device_id", "_key") if operator.emits else ("device_id",):
            row[column] = back[str(row[column])]
    assert sorted(map(str, renamed)) == sorted(map(str, straight))
    assert b"NaN" not in orjson.dumps(straight, default=str)
