"""The week on line: a day unlike its weekday is told once weeks are known, a weekend is not; where none is, nothing."""

from __future__ import annotations

import numpy as np
import pytest

from models.telemetry_model import TelemetryModel
from models.training.telemetry.measure import judge
from models.training.telemetry.weeks import DAY_S, DAYS, WITH_A_WEEK, WITHOUT, draw, measured

HOUR_S = 3_600
OFFICE = WITH_A_WEEK[0]


@pytest.fixture(scope="module")
def model() -> TelemetryModel:
    return TelemetryModel.named()


def test_a_holiday_and_a_working_sunday_are_told_and_weekends_are_not(model: TelemetryModel) -> None:
    """Nothing else tells them, for each hour of them is like that of another day; seed 3."""
    found = measured(model.loaded(), OFFICE, HOUR_S, series=4, seed=3)
    assert found["holiday"]["found"] == found["working_sunday"]["found"] == 1.0
    assert found["false_alarms"] == 0.0


def test_a_series_without_a_week_has_none(model: TelemetryModel) -> None:
    """Not for one reading of ten weeks; seed 3."""
    for week in WITHOUT:
        drawn = draw(week, HOUR_S, 3, "none", 3)
        assert not np.isin(judge(model.loaded(), drawn.values, HOUR_S)[1], model.kinds.index("season")).any()


def test_an_office_closed_for_good_is_taken_over(model: TelemetryModel) -> None:
    """What lasts is told on its first day, and is no alarm any more from the third on."""
    drawn = draw(OFFICE, HOUR_S, 3, "none", 3)
    closed = drawn.values.copy()
    monday = int(drawn.begin[0])
    closed[monday:] = np.minimum(closed[monday:], 2.0)
    odd = judge(model.loaded(), closed, HOUR_S)[0][:, 0]
    day = DAY_S // HOUR_S
    assert odd[monday : monday + 2 * day].any()
    assert not odd[monday + 3 * day : monday + DAYS * day].any()
