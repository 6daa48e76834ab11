"""The registry of devices as labels: as of a time, in any order of arrival, bounded, deaf to rubbish."""

from __future__ import annotations

from itertools import permutations

import orjson
import pytest

from infra.broker import TopicPartition
from pipelines.device_registry import DeviceRegistry
from pipelines.notify.alert import any_alert_of
from pipelines.seen_event import see
from pipelines.since import time_us
from schemas.devices import DEVICES
from schemas.record import Record


def registry(*rows: object) -> DeviceRegistry:
    """A registry of these rows, which arrived one after the other."""
    part, found = TopicPartition(DEVICES.name, 0), DeviceRegistry()
    values = [one if isinstance(one, bytes | None) else orjson.dumps(one) for one in rows]
    for seen in see((part, Record(at, at, b"d1", value)) for at, value in enumerate(values)):
        found.take(seen)
    return found


def line(day: int, site: str | None, **more: object) -> dict[str, object]:
    return {"valid_from": f"2026-03-{day:02}T00:00:00Z", "site": site, **more}


def at(day: int) -> int:
    return time_us(f"2026-03-{day:02}T00:00:00Z", 0)


def test_a_place_is_looked_up_as_of_a_time_however_its_lines_arrived() -> None:
    """
    day   1    2     3      4
         lab  lab  nowhere home
    """
    lines = [line(1, "lab", room="office", upstream_device_id="gw"), line(3, None, room="van"), line(4, "home")]
    for order in permutations(lines):
        known = registry(*order)
        assert [known.labels("d1", at(1) + more).get("site") for more in (-1, 0)] == [None, "lab"]
        assert known.labels("d1", at(2)) == {"site": "lab", "room": "office", "upstream": "gw"}
        assert known.labels("d1", at(3)) == {}
        assert known.labels("d1", at(5)) == {"site": "home"}
        assert known.labels("d2", at(5)) == {}
        assert known.changed() == {"d1"} and known.changed() == set()


def test_what_is_said_last_of_a_time_holds_and_rubbish_is_left_out() -> None:
    known = registry(line(1, "lab"), b"\xff", None, b"{}", line(1, "home", room=""), {"device_id": "d2", "site": "x"})
    assert known.labels("d1", at(2)) == {"site": "home"}
    assert len(known) == 1


def test_devices_beyond_the_bound_are_not_known_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("pipelines.device_registry.MOST_DEVICES", 1)
    part, known = TopicPartition(DEVICES.name, 0), DeviceRegistry()
    rows = [(name, orjson.dumps(line(day, "lab"))) for day, name in enumerate((b"d1", b"d2", b"d3", b"d1"), 1)]
    for seen in see((part, Record(number, number, key, value)) for number, (key, value) in enumerate(rows)):
        known.take(seen)
    assert (known.changed(), len(known)) == ({"d1"}, 1)
    assert [one.getMessage() for one in caplog.records] == [
        "devices names more than 1 devices; where others stand is not known"
    ]


def test_the_alerts_own_labels_win() -> None:
    event = {
        "fingerprint": "f", "alert_id": "a", "device_id": "d1", "event_time": "2026-03-02T00:00:00Z", "rule": "r",
        "severity": "major", "labels": {"site": "own", "device_id": "another"},
    }  # fmt: skip
    alert = any_alert_of(event, registry(line(1, "lab", type="pump")))
    assert (alert.labels["site"], alert.labels["type"], alert.place) == ("own", "pump", {"type": "pump"})
    moved = alert.at_place({"site": "home", "room": "office"})
    assert moved.labels == any_alert_of(event).labels | {"room": "office"}
    assert moved.at_place(moved.place) is moved
