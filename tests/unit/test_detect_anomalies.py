"""Detecting anomalies: what a reading is answered, what it leaves in memory, and what memory costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.telemetry_model import TelemetryModel
from operators.detect_anomalies import MOST_METRICS, SILENCE_US, DetectAnomalies
from operators.row_errors import failed_rows
from schemas.device_telemetry import DEVICE_TELEMETRY
from schemas.topic import TIMESTAMP
from tests.cut_runs import Store, assert_cuts_change_nothing, run
from tests.drawn_rows import rows

MODEL = TelemetryModel.named()
DETECT = DetectAnomalies(MODEL)
NOON = 1_790_000_000_000_000
MINUTE = 60_000_000
YEAR_2106 = 4_300_000_000_000_000


def readings(*drawn: tuple[str, str, int, float | None], watermark: list[int | None] | None = None) -> pa.RecordBatch:
    """Rows of (device, metric, microseconds, value); the watermark is the highest time before unless given."""
    devices, metrics, times, values = zip(*drawn, strict=True) if drawn else ((), (), (), ())
    highs = np.maximum.accumulate(times).tolist() if drawn else []
    marks = [None, *highs[:-1]] if watermark is None else watermark
    columns = {
        "device_id": pa.array(devices, pa.string()),
        "event_time": pa.array(times, pa.int64()).cast(TIMESTAMP),
        "metric": pa.array(metrics, pa.string()),
        "value": pa.array(values, pa.float64()),
        "watermark": pa.array(marks[: len(drawn)], pa.int64()).cast(TIMESTAMP),
    }
    return pa.RecordBatch.from_pydict(columns)


def noisy(count: int, device: str = "d1", metric: str = "temp", start: int = NOON) -> list[tuple[str, str, int, float]]:
    """One reading a minute around 20."""
    values = 20 + np.random.default_rng(5).normal(size=count)
    return [(device, metric, start + i * MINUTE, float(value)) for i, value in enumerate(values)]


def answers(out: list[dict[str, Any]]) -> list[Any]:
    return [row["anomaly"] for row in out]


def state(store: Store) -> dict[str, Any]:
    """What is stored of the only device, by column."""
    from pipelines.engines.state_rows import StateRows

    memory = StateRows([DETECT], lambda keys: [store.get(key) for key in keys])
    keys = list(store)
    memory.fetch(keys)
    return dict(memory.batch(DETECT, keys).to_pylist()[0])


def test_says_nothing_of_a_series_that_it_does_not_know() -> None:
    [answer, silent] = answers(
        run(
            DETECT,
            rows(
                DEVICE_TELEMETRY,
                """
                device_id | event_time | metric   | value
                freezer-2 | 02:14      | box_temp | -18.4
                freezer-2 | 02:15      | box_temp | -
                """,
            ),
        )
    )
    assert answer == {
        "score": 0.0,
        "is_anomaly": False,
        "expected_low": None,
        "expected_high": None,
        "kind": "none",
        "model": MODEL.identity,
        "gap_s": None,
    }
    assert silent is None


def test_finds_a_spike_and_says_what_was_expected() -> None:
    out = answers(run(DETECT, readings(*noisy(300), ("d1", "temp", NOON + 300 * MINUTE, 60.0))))
    assert not any(answer["is_anomaly"] for answer in out[:-1])
    assert out[-1]["is_anomaly"] and out[-1]["kind"] == "spike"
    assert out[-1]["score"] > 0.9999
    assert 5 < out[-1]["expected_low"] < 19
    assert 21 < out[-1]["expected_high"] < 35


def test_a_lower_rate_of_false_alarms_widens_what_is_expected() -> None:
    drawn = readings(*noisy(300))
    strict = answers(run(DetectAnomalies(MODEL, alarm_probability=1e-7), drawn))[-1]
    loose = answers(run(DetectAnomalies(MODEL, alarm_probability=1e-3), drawn))[-1]
    assert strict["expected_high"] > loose["expected_high"]
    assert strict["score"] == loose["score"]


@pytest.mark.parametrize("rate", [0.0, 1.0, -1.0, float("nan")])
def test_refuses_a_rate_that_is_none(rate: float) -> None:
    with pytest.raises(ValueError, match="alarm probability between 0 and 1"):
        DetectAnomalies(MODEL, alarm_probability=rate)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_no_number_is_a_row_error_and_no_reading(value: float) -> None:
    drawn = noisy(50)
    batch = readings(*drawn[:25], ("d1", "temp", NOON + 24 * MINUTE + 1, value), *drawn[25:])
    states = pa.RecordBatch.from_pylist([dict.fromkeys(DETECT.state_schema.names)], schema=DETECT.state_schema)
    _, out = DETECT.process(states, batch)
    assert [error.code for error in failed_rows(out).values()] == ["nan"]
    assert list(failed_rows(out)) == [25]
    kept = [answer for i, answer in enumerate(out.column("anomaly").to_pylist()) if i != 25]
    assert kept == answers(run(DETECT, readings(*drawn)))


def test_late_and_repeated_readings_are_judged_and_not_taken_in() -> None:
    drawn = noisy(80)
    straight = answers(run(DETECT, readings(*drawn)))
    late = ("d1", "temp", NOON + 10 * MINUTE, 900.0)
    repeated = ("d1", "temp", NOON + 39 * MINUTE, 900.0)
    out = answers(run(DETECT, readings(*drawn[:40], late, repeated, *drawn[40:])))
    assert out[40]["is_anomaly"] and out[41]["is_anomaly"]
    assert out[:40] + out[42:] == straight


def test_metrics_and_devices_have_memories_of_their_own() -> None:
    one = noisy(60)
    others = [(d, m, t + 1, v * 1000) for d, m, t, v in noisy(60, "d1", "power")]
    elsewhere = [(d, m, t + 2, -v) for d, m, t, v in noisy(60, "d2")]
    mixed = [row for three in zip(one, others, elsewhere, strict=True) for row in three]
    assert answers(run(DETECT, readings(*mixed)))[::3] == answers(run(DETECT, readings(*one)))


@pytest.mark.parametrize("width", [1, 7, 300])
def test_the_metric_unseen_for_longest_makes_room(width: int) -> None:
    """257 metrics of one device, then the first two again: m0 was put out by m256, m1 by m0, m2 by m1."""
    order = [*range(MOST_METRICS + 1), 0, 1, MOST_METRICS]
    drawn = [("d1", f"m{i}", NOON + at, 1.0) for at, i in enumerate(order)]
    store: Store = {}
    run(DETECT, readings(*drawn), range(width, len(drawn), width), store)
    assert state(store)["metrics"] == [*(f"m{i}" for i in range(3, MOST_METRICS + 1)), "m0", "m1"]
    counts = np.frombuffer(state(store)["numbers"], dtype="<f8").reshape(MOST_METRICS, -1)[:, 0]
    assert counts.tolist() == [*([1.0] * (MOST_METRICS - 3)), 2.0, 1.0, 1.0]


def test_ten_thousand_metrics_keep_memory_in_its_bounds() -> None:
    drawn = [("d1", f"metric number {i} " + "x" * (i % 300), NOON + i, float(i)) for i in range(10_000)]
    store: Store = {}
    run(DETECT, readings(*drawn), range(1_000, 10_000, 1_000), store)
    assert len(state(store)["metrics"]) == MOST_METRICS
    assert len(store["d1"]) < 400_000


@pytest.mark.parametrize("away", [SILENCE_US - 1, SILENCE_US, SILENCE_US + 1])
def test_memory_ends_when_the_watermark_is_thirty_days_past(away: int) -> None:
    """Stored or not, dropped or not: a row whose watermark has reached the end finds none."""
    drawn = noisy(40)
    last = drawn[-1][2]
    batch = readings(*drawn, ("d1", "temp", last + away + 5, 20.0), watermark=[None] * 40 + [last + away])
    store: Store = {}
    assert answers(run(DETECT, batch, [40], store)) == answers(run(DETECT, batch))
    count = np.frombuffer(state(store)["numbers"], dtype="<f8")[0]
    assert count == (41.0 if away < SILENCE_US else 1.0)


def test_memory_of_another_model_counts_as_none() -> None:
    store: Store = {}
    run(DETECT, readings(*noisy(40)), store=store)
    states = pa.RecordBatch.from_pylist([state(store) | {"model": "other@1"}], schema=DETECT.state_schema)
    after, out = DETECT.process(states, readings(("d1", "temp", NOON + 41 * MINUTE, 99.0)))
    assert out.column("anomaly")[0]["score"].as_py() == 0.0
    assert np.frombuffer(after.column("numbers")[0].as_py(), dtype="<f8")[0] == 1.0


@pytest.mark.parametrize("start", [0, -(10**15), YEAR_2106, 253_402_300_799_000_000 - 400 * MINUTE])
def test_any_year_will_do(start: int) -> None:
    out = answers(run(DETECT, readings(*noisy(200, start=start)), range(50, 200, 50)))
    assert out == answers(run(DETECT, readings(*noisy(200))))


def test_a_constant_is_no_anomaly_and_all_null_is_nothing() -> None:
    constant = readings(*(("d1", "temp", NOON + i * MINUTE, 5.0) for i in range(500)))
    assert not any(answer["is_anomaly"] for answer in answers(run(DETECT, constant)))
    store: Store = {}
    silent = readings(*(("d1", "temp", NOON + i, None) for i in range(50)))
    assert answers(run(DETECT, silent, store=store)) == [None] * 50
    assert store == {}


VALUES = st.sampled_from([None, 0.0, 1.0, 1.0, 1.5, 20.0, -3.0, 1e300, -1e300, 1e-300, 5e-324])
TIMES = st.one_of(
    st.integers(0, 40).map(lambda minutes: NOON + minutes * MINUTE),
    st.sampled_from([0, -MINUTE, NOON + SILENCE_US, NOON + 2 * SILENCE_US, YEAR_2106]),
)
ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), TIMES, VALUES), max_size=40)


@settings(max_examples=30, deadline=None)
@given(drawn=ROWS, cuts=st.lists(st.integers(0, 40), max_size=5))
def test_cuts_saves_and_restores_change_nothing(
    drawn: list[tuple[str, str, int, float | None]], cuts: list[int]
) -> None:
    assert_cuts_change_nothing(DETECT, readings(*drawn), cuts)


@settings(max_examples=30, deadline=None)
@given(drawn=ROWS, most=st.integers(1, 2), cuts=st.lists(st.integers(0, 40), max_size=4))
def test_cuts_change_nothing_where_metrics_make_room(
    drawn: list[tuple[str, str, int, float | None]], most: int, cuts: list[int]
) -> None:
    """The same with so few metrics a device that almost every row puts one out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("operators.detect_anomalies.MOST_METRICS", most)
        assert_cuts_change_nothing(DETECT, readings(*drawn), cuts)


def test_cuts_over_weeks_change_nothing() -> None:
    """A reading every three hours for five weeks, and a Wednesday like a Sunday; saved and restored at each."""
    drawn = []
    for at in range(5 * 56):
        day, works = at // 8, at % 8 in (3, 4, 5)
        busy = works and day % 7 < 5 and day != 30
        drawn.append(("d1", "load", NOON + at * 180 * MINUTE, 2.0 + 8.0 * busy + at % 11 / 20))
    assert_cuts_change_nothing(DETECT, readings(*drawn), [])
    odd = {at // 8 for at, one in enumerate(answers(run(DETECT, readings(*drawn)))) if one["is_anomaly"]}
    assert {day for day in odd if day > 7} == {30, 31}, "a few hours longer; and before that the first Saturday"


@settings(max_examples=15, deadline=None)
@given(drawn=ROWS, names=st.permutations(["a", "b", "c"]))
def test_which_device_is_called_what_changes_nothing(
    drawn: list[tuple[str, str, int, float | None]], names: list[str]
) -> None:
    renamed = dict(zip("abc", names, strict=True))
    others = [(renamed[device], metric, time, value) for device, metric, time, value in drawn]
    assert answers(run(DETECT, readings(*others))) == answers(run(DETECT, readings(*drawn)))
