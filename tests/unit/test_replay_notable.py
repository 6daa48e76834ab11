"""What changed most, and what to look at first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.replay.compare import AlertDifferences, Change
from pipelines.replay.notable import changed_most, look_first
from pipelines.replay.words import difference_cell, duration, interval_cell
from tests.drawn_alerts import alert


def differences() -> AlertDifferences:
    """A fire that is gone, three warnings that are added on one device, one that fires later, and two of no change."""
    gone = alert("gone", 50, device_id="smoke-1", rule="device_alarm", severity="critical")
    added = [alert(f"a{n}", 10 * n, device_id="air-1", rule="telemetry_anomaly", severity="warning") for n in range(3)]
    before = alert("later", 5, device_id="ups-1", rule="log_abnormal")
    later = Change(before, replace(before, fired_us=before.fired_us + 1), ("later",))
    same = [alert(f"s{n}", n, device_id="ups-1", rule="device_alarm") for n in range(2)]
    return AlertDifferences(tuple(same), tuple(added), (gone,), (later,))


def test_the_gravest_first_and_one_rule_of_a_device_once() -> None:
    first = look_first(differences())
    assert [(one.way, one.alert.alert_id) for one in first] == [("gone", "gone"), ("changed", "later"), ("added", "a0")]
    assert [one.alert.alert_id for one in look_first(differences(), most=1)] == ["gone"]


def test_a_severity_that_falls_counts_as_what_it_was() -> None:
    before = alert("a", severity="critical")
    falls = Change(before, replace(before, severity="warning"), ("severity",))
    minor = alert("b", device_id="d2", severity="minor")
    found = look_first(AlertDifferences((), (minor,), (), (falls,)))
    assert [one.alert.alert_id for one in found] == ["a", "b"]


def test_counts_by_rule_and_by_device() -> None:
    assert changed_most(differences(), "device") == [
        ("air-1", {"added": 3, "gone": 0, "changed": 0, "same": 0}),
        ("smoke-1", {"added": 0, "gone": 1, "changed": 0, "same": 0}),
        ("ups-1", {"added": 0, "gone": 0, "changed": 1, "same": 2}),
    ]
    by_rule = dict(changed_most(differences(), "rule"))
    assert by_rule["device_alarm"] == {"added": 0, "gone": 1, "changed": 0, "same": 2}
    assert len(changed_most(differences(), "rule", most=2)) == 2
    assert dict(changed_most(differences(), "category")) == {"(none)": {"added": 3, "gone": 1, "changed": 1, "same": 2}}


def test_nothing_differs_nothing_is_shown() -> None:
    none = AlertDifferences((alert("a"),), (), (), ())
    assert look_first(none) == [] and changed_most(none, "rule") == []


@pytest.mark.parametrize(
    ("seconds", "digits", "said"),
    [(89, 2, "89 s"), (90, 2, "1.5 min"), (3599, 3, "60 min"), (80_000, 2, "22 h"), (9e6, 2, "104 d"), (0, 3, "0 s")],
)
def test_times_are_said_as_a_person_says_them(seconds: float, digits: int, said: str) -> None:
    assert duration(seconds, digits) == said


def test_an_interval_that_is_not_known_is_not_shown() -> None:
    assert interval_cell("recall", None) == ""
    assert interval_cell("false_alarms_a_device_day", (0.123, 1.0)) == "0.12 … 1"
    assert interval_cell("f1", (-0.05, 0.1), signed=True) == "-0.050 … +0.100"
    assert difference_cell("delay_s", 0.0) == "0 s"
