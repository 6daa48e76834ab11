"""Series with a working week, read at several paces: how many weekends are alarms, and how many odd days are found."""

from __future__ import annotations

import pytest

from models.telemetry_model import TelemetryModel
from models.training.telemetry.weeks import WITH_A_WEEK, WITHOUT, measured

pytestmark = pytest.mark.slow
SERIES = 16


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("interval_s", "seed"), [(3_600, 21), (3_600, 22), (900, 23), (300, 24)])
def test_days_unlike_their_weekday_are_found(interval_s: int, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    model = TelemetryModel.named().loaded()
    found = {one.name: measured(model, one, interval_s, SERIES, seed) for one in (*WITH_A_WEEK, *WITHOUT)}
    with capsys.disabled():
        print(f"\nevery {interval_s} s, seed {seed}, {SERIES} series of ten weeks")
        for name, one in found.items():
            print(f"  {name:11}", one)
    for week in WITH_A_WEEK:
        assert found[week.name]["holiday"]["found"] >= 0.85
        assert found[week.name]["working_sunday"]["found"] >= 0.85
        # A few hours of work once a week begin and end as level shifts do, and are told so.
        assert found[week.name]["of_weekends"] < (3.3 if week.name == "weekly_job" else 0.5)
    for week in WITHOUT:
        assert found[week.name]["false_alarms"] < 1.0
