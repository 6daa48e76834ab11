"""Gaps: a reading says how long its series was silent before it, where that is longer than usual."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from models.loaded_telemetry import INTERVAL, KNOWN_FROM, READINGS, gap_from
from models.telemetry_model import MONTHLY, TelemetryModel
from models.training.telemetry.formulas import STATE, WARM_UP
from operators.detect_anomalies import DetectAnomalies
from pipelines.alert_rules.rule_file import read_rules
from pipelines.scoring.answers import json_answers
from pipelines.scoring.task import Asked
from schemas.topic import TIMESTAMP
from tests.cut_runs import assert_cuts_change_nothing, run

MODEL = TelemetryModel.named()
NOON = 1_790_000_000_000_000


def readings(seconds: list[float], series: int = 1) -> pa.RecordBatch:
    """Readings of one metric of some devices at these seconds after noon, none of them late."""
    times = np.repeat([NOON + round(second * 1e6) for second in seconds], series)
    columns = {
        "device_id": pa.array([f"d{i % series}" for i in range(len(times))]),
        "event_time": pa.array(times).cast(TIMESTAMP),
        "watermark": pa.nulls(len(times), TIMESTAMP),
        "metric": pa.repeat("temp", len(times)),
        "value": pa.array([20.0 + i // series * 7 % 11 * 0.1 for i in range(len(times))]),
    }
    return pa.RecordBatch.from_pydict(columns)


def gaps(seconds: list[float], alarm: float = MONTHLY) -> dict[int, float]:
    out = run(DetectAnomalies(MODEL, alarm), readings(seconds))
    return {at: row["anomaly"]["gap_s"] for at, row in enumerate(out) if row["anomaly"]["gap_s"] is not None}


def minutes(count: int, then: float) -> list[float]:
    """One reading a minute, a silence of so many seconds, and ten more each minute."""
    begin = [60.0 * i for i in range(count)]
    return begin + [begin[-1] + then + 60.0 * i for i in range(10)]


def test_memory_begins_with_what_is_asked_of_it() -> None:
    assert [list(STATE)[place] for place in (READINGS, INTERVAL)] == ["readings", "interval"]
    assert KNOWN_FROM == WARM_UP


@pytest.mark.parametrize(
    ("count", "then", "found"),
    [
        (60, 640.0, {}),
        (60, 641.0, {60: 641.0}),
        (60, 86_400.0, {60: 86_400.0}),
        (30, 900.0, {30: 900.0}),
        (29, 900.0, {}),
    ],
)
def test_a_silence_of_eleven_readings_is_a_gap_once_the_series_is_known(
    count: int, then: float, found: dict[int, float]
) -> None:
    assert gaps(minutes(count, then)) == found


def test_a_rate_that_is_set_holds_for_gaps_too() -> None:
    assert gap_from(MONTHLY) == 10.673596
    assert gaps(minutes(60, 500.0)) == {}
    assert gaps(minutes(60, 500.0), alarm=100 / 43_200) == {60: 500.0}
    assert gap_from(0.5) == 3.0


def test_late_and_repeated_readings_end_no_gap() -> None:
    seconds = minutes(60, 900.0)
    assert gaps([*seconds[:60], seconds[5], seconds[59], *seconds[60:]]) == {62: 900.0}


def test_readings_that_come_by_chance_have_hardly_any() -> None:
    print("seed 4")
    waits = np.random.default_rng(4).exponential(60.0, 3_000)
    assert len(gaps(np.cumsum(waits).tolist())) <= 2


@pytest.mark.parametrize("series", [1, 12])
def test_few_series_or_many_cut_anywhere(series: int) -> None:
    """Few are followed one by one, many together."""
    batch = readings(minutes(40, 900.0), series)
    assert_cuts_change_nothing(DetectAnomalies(MODEL), batch, [7, 40 * series, 40 * series + 1])
    found = [row["anomaly"]["gap_s"] for row in run(DetectAnomalies(MODEL), batch)]
    assert [at // series for at, gap in enumerate(found) if gap is not None] == [40] * series


def test_score_shows_a_gap_where_there_is_one() -> None:
    detect = DetectAnomalies(MODEL)
    none = pa.RecordBatch.from_pylist([dict.fromkeys(detect.state_schema.names)], schema=detect.state_schema)
    _, out = detect.process(none, readings(minutes(40, 900.0)))
    shown = [row[0] for row in json_answers(out, ["anomaly"], {}, Asked())]
    usual = ["score", "is_anomaly", "expected_low", "expected_high", "kind"]
    assert [list(shown[at]) for at in (39, 40, 41)] == [usual, [*usual, "gap_s"], usual]  # type: ignore[call-overload]


def test_the_rules_of_the_page_are_rules(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "telemetry.md").read_text(encoding="utf-8")
    blocks = [one.split("```")[0] for one in page.split("```toml\n")[1:]]
    [block] = [one for one in blocks if "gap_s" in one]
    (tmp_path / "alerts.toml").write_text(block)
    names = {rule.name for rule in read_rules(tmp_path / "alerts.toml", {}).rules}
    assert {"readings_missed", "sensor_silent"} <= names
