"""What a meter usually reads at this hour of the week: learnt as weeks go by, and waste told by it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from operators.expect_profile import ExpectProfile, week_hour
from operators.row_errors import failed_rows
from pipelines.engines.state_rows import StateRows
from schemas.device_telemetry import DEVICE_TELEMETRY
from tests.registered_operators import row_batch

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
Row = dict[str, Any]


def reading(hours: float, value: float | None, device_id: str = "m", metric: str = "demand") -> Row:
    """A reading so many hours after a Monday's midnight."""
    at = (MONDAY + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
    return {"device_id": device_id, "event_time": at, "metric": metric, "value": value}


def usual_weeks(weeks: int) -> list[Row]:
    """Two kW at night and on weekends, ten from Monday to Friday, 7 to 19; one reading an hour."""
    return [reading(hour, 10.0 if hour % 168 < 120 and 7 <= hour % 24 < 19 else 2.0) for hour in range(168 * weeks)]


def profiles(operator: ExpectProfile, rows: Sequence[Row]) -> list[Any]:
    batch = row_batch(DEVICE_TELEMETRY, rows)
    states = StateRows([operator], lambda keys: [None] * len(keys))
    keys = batch.column("device_id").unique().to_pylist()
    states.fetch(keys)
    _, out = operator.process(states.batch(operator, keys), batch)
    found: list[Any] = out.column("profile").to_pylist()
    return found


@pytest.mark.parametrize(
    ("hours", "value", "kind", "expected", "is_waste"),
    [
        (2.5, 2.0, "night", 2.0, False),
        (2.5, 3.0, "night", 2.0, True),
        (12.5, 10.0, "working", 10.0, False),
        (12.5, 30.0, "working", 10.0, False),  # too much, but somebody is there
        (12.5 + 5 * 24, 5.0, "weekend", 2.0, True),
        (22.5, 5.0, "night", 2.0, True),
        (2.5, 0.5, "night", 2.0, False),  # less than usual wastes nothing
    ],
)
def test_an_hour_of_the_week_is_known_after_three(
    hours: float, value: float, kind: str, expected: float, is_waste: bool
) -> None:
    *_, last = profiles(ExpectProfile(), [*usual_weeks(3), reading(3 * 168 + hours, value)])
    assert (last["kind"], last["expected"], last["is_waste"]) == (kind, expected, is_waste)
    assert last["excess"] == pytest.approx(max(0.0, value - 1.05 * expected), rel=1e-6)


def test_before_that_nothing_is_expected_and_nothing_is_waste() -> None:
    found = profiles(ExpectProfile(), [*usual_weeks(2), reading(2 * 168 + 2, 90.0)])
    assert all(one["expected"] is None and one["excess"] is None and not one["is_waste"] for one in found)


def test_a_week_of_waste_is_not_learnt() -> None:
    """A night that burns ten times the usual moves the expected by the width of the range, no more."""
    rows = [*usual_weeks(4), *(reading(4 * 168 + hour, 20.0) for hour in range(168)), reading(5 * 168 + 2, 20.0)]
    *_, last = profiles(ExpectProfile(), rows)
    assert last["is_waste"]
    assert last["expected"] < 2.1


def test_what_always_runs_is_found_by_the_share_of_working_hours() -> None:
    rows = [*usual_weeks(3), reading(3 * 168 + 2, 2.0)]
    assert profiles(ExpectProfile(most_idle_share=0.3), rows)[-1]["is_waste"] is False
    assert profiles(ExpectProfile(most_idle_share=0.1), rows)[-1]["is_waste"] is True


def test_hours_are_those_of_the_zone() -> None:
    """Seven in the evening UTC is three in the morning of the next day, eight hours to the east."""
    [one] = profiles(ExpectProfile(utc_offset_min=480), [reading(19, 1.0)])
    assert one["kind"] == "night"
    [one] = profiles(ExpectProfile(utc_offset_min=480), [reading(4 * 24 + 19, 1.0)])  # Friday becomes Saturday
    assert one["kind"] == "weekend"


def test_other_metrics_nulls_and_no_numbers() -> None:
    operator = ExpectProfile()
    rows = [reading(0, 1.0, metric="voltage"), reading(1, None), reading(2, 1e300), reading(3, 2.0)]
    found = profiles(operator, rows)
    assert [one is None for one in found] == [True, True, False, False]
    batch = row_batch(DEVICE_TELEMETRY, rows)
    values = pa.array([1.0, float("inf"), float("nan"), 2.0])
    batch = batch.set_column(batch.schema.get_field_index("value"), batch.schema.field("value"), values)
    states = StateRows([operator], lambda keys: [None] * len(keys))
    states.fetch(["m"])
    after, out = operator.process(states.batch(operator, ["m"]), batch)
    assert {row: error.code for row, error in failed_rows(out).items()} == {1: "nan", 2: "nan"}
    assert after.column("sum").to_pylist() == [2.0]


def test_one_huge_value_does_not_break_the_series() -> None:
    rows = [reading(0, 1e300), *(reading(168 * week, 2.0) for week in range(1, 30)), reading(168 * 30, 2.0)]
    *_, last = profiles(ExpectProfile(), rows)
    assert np.isfinite(last["expected"])


def test_memory_is_small_and_gone_after_two_months() -> None:
    operator = ExpectProfile()
    batch = row_batch(DEVICE_TELEMETRY, usual_weeks(3))
    states = StateRows([operator], lambda keys: [None] * len(keys))
    states.fetch(["m"])
    after, _ = operator.process(states.batch(operator, ["m"]), batch)
    assert len(after.column("week")[0].as_py()) == 2016
    rows = [*usual_weeks(3), reading(168 * 13, 2.0, device_id="other"), reading(168 * 13 + 1, 9.0)]
    assert profiles(operator, rows)[-1]["expected"] is None


def test_weeks_begin_on_monday() -> None:
    hours = round(MONDAY.timestamp()) // 3600
    assert week_hour(np.array([hours, hours + 25])).tolist() == [0, 25]


@pytest.mark.parametrize("wrong", [{"opens": 9, "closes": 9}, {"utc_offset_min": 900}, {"most_idle_share": 0.0}])
def test_refuses_what_makes_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        ExpectProfile(**wrong)
