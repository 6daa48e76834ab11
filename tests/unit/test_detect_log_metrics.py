"""Numbers that come with log lines: each is answered as a reading would be, and a line without any costs nothing."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.telemetry_model import TelemetryModel
from operators.detect_anomalies import DetectAnomalies
from operators.detect_log_metrics import DetectLogMetrics
from schemas.device_metrics import METRICS
from schemas.topic import TIMESTAMP
from tests.cut_runs import Store, assert_cuts_change_nothing, run

MODEL = TelemetryModel.named()
DETECT = DetectLogMetrics(MODEL)
NOON = 1_790_000_000_000_000
MINUTE = 60_000_000
Numbers = list[tuple[str, float | None]] | None


def lines(*drawn: tuple[str, int, Numbers]) -> pa.RecordBatch:
    """Rows of (device, minutes, numbers), none of them late."""
    times = [NOON + minutes * MINUTE for _, minutes, _ in drawn]
    columns = {
        "device_id": pa.array([device for device, _, _ in drawn], pa.string()),
        "event_time": pa.array(times, pa.int64()).cast(TIMESTAMP),
        "watermark": pa.nulls(len(drawn), TIMESTAMP),
        "metrics": pa.array([numbers for _, _, numbers in drawn], METRICS),
    }
    return pa.RecordBatch.from_pydict(columns)


def readings(*drawn: tuple[str, int, Numbers]) -> pa.RecordBatch:
    """The same numbers, each as a row of telemetry."""
    flat = [(device, at, name, value) for device, at, numbers in drawn for name, value in numbers or ()]
    devices, times, names, values = zip(*flat, strict=True)
    columns = {
        "device_id": pa.array(devices),
        "event_time": pa.array([NOON + minutes * MINUTE for minutes in times], pa.int64()).cast(TIMESTAMP),
        "watermark": pa.nulls(len(flat), TIMESTAMP),
        "metric": pa.array(names),
        "value": pa.array(values, pa.float64()),
    }
    return pa.RecordBatch.from_pydict(columns)


def calm(at: int) -> float:
    return 20.0 + at * 7 % 11 * 0.1


DRAWN: list[tuple[str, int, Numbers]] = [
    (f"d{at % 2}", at, None if at % 5 == 3 else [("lag", calm(at)), ("free", calm(at) / 9), ("empty", None)][: at % 4])
    for at in range(160)
] + [("d0", 200, [("free", 80.0), ("lag", 900.0)]), ("d1", 201, [("lag", 20.3)])]


def test_each_number_is_answered_as_a_reading_of_telemetry() -> None:
    out = run(DETECT, lines(*DRAWN))
    told = [one for row in out for one in row["readings"] or ()]
    alone = run(DetectAnomalies(MODEL), readings(*DRAWN))
    assert told == [
        {"metric": row["metric"], "value": row["value"], **row["anomaly"]}
        for row in alone
        if row["anomaly"] is not None
    ]
    assert [len(row["readings"] or ()) for row in out[:8]] == [0, 1, 2, 0, 0, 1, 2, 2]


def test_the_odd_reading_is_the_oddest_of_the_line_s_anomalies() -> None:
    odd = {at: row["odd_reading"] for at, row in enumerate(run(DETECT, lines(*DRAWN))) if row["odd_reading"]}
    assert list(odd) == [160]
    both = run(DETECT, lines(*DRAWN))[160]["readings"]
    assert [one["is_anomaly"] for one in both] == [True, True]
    assert odd[160] == max(both, key=lambda one: float(one["score"]))
    assert odd[160]["model"] == MODEL.identity


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_no_reading_and_no_error(value: float | None) -> None:
    batch = lines(("d0", 0, [("lag", 1.0)]), ("d0", 1, [("lag", value), ("free", 2.0)]), ("d0", 2, [("lag", value)]))
    out = run(DETECT, batch)
    assert [[one["metric"] for one in row["readings"] or ()] for row in out] == [["lag"], ["free"], []]
    assert all(row.get("_error") is None for row in out)


def test_a_line_without_numbers_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """The detector is not even asked; and memory, were it somebody else's, is left as it is."""
    store: Store = {}
    run(DETECT, lines(("d0", 0, [("lag", 1.0)])), store=store)
    before = dict(store)

    def asked(*_: Any) -> Any:
        raise AssertionError("asked about lines without numbers")

    monkeypatch.setattr(DetectAnomalies, "process", asked)
    out = run(DETECT, lines(("d0", 1, None), ("d1", 2, []), ("d0", 3, [("lag", None)])), store=store)
    assert [(row["readings"], row["odd_reading"]) for row in out] == [(None, None)] * 3
    assert store == before


@settings(max_examples=15, deadline=None)
@given(
    drawn=st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.integers(0, 50),
            st.none()
            | st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from([None, 0.0, 1.5, -3.0, 1e300])), max_size=3),
        ),
        max_size=25,
    ),
    cuts=st.lists(st.integers(0, 25), max_size=4),
)
def test_cuts_change_nothing(drawn: list[tuple[str, int, Numbers]], cuts: list[int]) -> None:
    assert_cuts_change_nothing(DETECT, lines(*drawn), cuts)


def test_refuses_a_rate_that_is_none() -> None:
    with pytest.raises(ValueError, match="detect_log_metrics: expected an alarm probability between 0 and 1"):
        DetectLogMetrics(MODEL, alarm_probability=0.0)
