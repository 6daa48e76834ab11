"""What counts as found and what as false, on alerts drawn by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pipelines.demo.findings import findings_of
from pipelines.demo.heard import Alert
from pipelines.demo.incidents.incident import Incident

MINUTE_US = 60_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def incident(name: str, start: int, end: int, *, alarm: int | None, device: str = "freezer-2") -> Incident:
    """An incident of one device from minute `start` to `end`; without an alarm it is harmless."""
    return Incident(
        name=name,
        kind=name,
        title=name,
        harmless=alarm is None,
        devices=(device,),
        start_us=start * MINUTE_US,
        end_us=end * MINUTE_US,
        alarm_us=None if alarm is None else alarm * MINUTE_US,
        signals=(),
        effects=(),
    )


def alert(
    fired: int | None, *events: str, device: str = "freezer-2", severity: str = "major", opened: int | None = None
) -> Alert:
    """An alert that fired at a minute (None: never) because of these events."""
    minute = opened if opened is not None else fired or 0
    row = {
        "device_id": device,
        "severity": severity,
        "opened_at": EPOCH + timedelta(minutes=minute),
        "evidence": [{"event_id": event, "kind": "log"} for event in events],
    }
    return Alert(row, row, None if fired is None else fired * MINUTE_US, set(events))


FREEZER = incident("compressor", 10, 100, alarm=60)
DEFROST = incident("defrost", 200, 230, alarm=None)
PLANTED = {"a": "compressor", "b": "compressor", "d": "defrost"}


def test_an_alert_by_an_event_of_the_incident_finds_it() -> None:
    findings = findings_of([FREEZER, DEFROST], [alert(40, "b"), alert(25, "a")], PLANTED)
    (finding,) = findings.incidents
    assert (finding.after_s, finding.ahead_s) == (15 * 60, 35 * 60)
    assert (findings.found, findings.false_alerts) == (1, 0)


def test_the_alarm_itself_finds_without_a_lead() -> None:
    (finding,) = findings_of([FREEZER], [alert(61, "a")], PLANTED).incidents
    assert finding.ahead_s == 0.0


def test_an_alert_while_it_lasts_but_by_other_events_is_false() -> None:
    findings = findings_of([FREEZER], [alert(30, "x")], PLANTED)
    assert (findings.found, findings.false_alerts) == (0, 1)


def test_an_alert_on_another_device_is_false() -> None:
    findings = findings_of([FREEZER], [alert(30, "a", device="fridge-1")], PLANTED)
    assert (findings.found, findings.false_alerts) == (0, 1)


def test_an_alert_that_was_open_before_it_began_is_false() -> None:
    findings = findings_of([FREEZER], [alert(30, "x", "a", opened=5)], PLANTED)
    assert (findings.found, findings.false_alerts) == (0, 1)


def test_one_that_never_fired_is_nothing() -> None:
    findings = findings_of([FREEZER], [alert(None, "a")], PLANTED)
    assert (findings.found, findings.false_alerts) == (0, 0)


def test_an_alert_about_a_look_alike_is_false_and_shown_there() -> None:
    findings = findings_of([FREEZER, DEFROST], [alert(210, "d")], PLANTED)
    assert [len(finding.alerts) for finding in findings.look_alikes] == [1]
    assert (findings.false_alerts, findings.unplanted) == (1, ())


def test_a_notice_is_not_false() -> None:
    findings = findings_of([FREEZER], [alert(5, "x", severity="indeterminate")], PLANTED)
    assert (findings.false_alerts, len(findings.notices)) == (0, 1)
