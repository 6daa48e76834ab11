"""`hubbub alerts` and `hubbub subscribe` by labels, since a time, and as alerts change."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from infra.sqlite.broker import SqliteBroker
from pipelines.alert_actions import write_action
from schemas.alerts import ALERTS
from schemas.devices import DEVICES
from tests.console_world import NOW_US, alert, appended, at
from tests.patience import PATIENCE_S

Hubbub = Callable[..., Any]
HOUR_US = 3_600_000_000


def write(*alerts: dict[str, Any], hours_ago: float = 0) -> None:
    """Write alerts that arrive some hours ago."""
    now_us = time.time_ns() // 1000
    with SqliteBroker("hubbub.db", clock=lambda: now_us - round(hours_ago * HOUR_US)) as broker:
        broker.create_topics([ALERTS, DEVICES])
        broker.append([appended(ALERTS.name, one["fingerprint"], one) for one in alerts])


def place(device: str, site: str) -> None:
    """Write where a device stands into the registry."""
    with SqliteBroker("hubbub.db") as broker:
        broker.create_topics([DEVICES])
        broker.append([appended(DEVICES.name, device, {"device_id": device, "valid_from": at(9000), "site": site})])


def asked(hubbub: Hubbub, *arguments: str) -> list[list[str]]:
    """Return the devices of what both commands show."""
    return [
        sorted(json.loads(line)["device_id"] for line in hubbub(command, "--json", *arguments).lines)
        for command in ("alerts", "subscribe")
    ]


@pytest.mark.parametrize(
    ("matchers", "devices"),
    [
        (["team=cold"], ["freezer", "fridge"]),
        (["team!=cold"], ["door"]),
        (['device_id=~"fr.*"', "severity!=major"], ["freezer"]),
        (["alertname!~telemetry.*"], []),
        (["site=lab"], ["door", "fridge"]),
        (["site="], ["freezer"]),
    ],
)
def test_who_asks_by_labels_gets_what_matches(hubbub: Hubbub, matchers: list[str], devices: list[str]) -> None:
    place("fridge", "lab")
    place("door", "lab")
    write(
        alert("1", "freezer", "critical", labels={"team": "cold"}),
        alert("2", "fridge", labels={"team": "cold"}),
        alert("3", "door", labels={}),
    )
    arguments = [word for one in matchers for word in ("--matcher", one)]
    assert asked(hubbub, *arguments) == [devices, devices]


def test_a_matcher_that_cannot_be_is_refused(hubbub: Hubbub) -> None:
    write(alert("1"))
    for command in ("alerts", "subscribe"):
        answer = hubbub(command, "--matcher", "severity=bad")
        assert (answer.status, "can never match" in answer.err) == (2, True)
    answer = hubbub("subscribe", "devices", "--matcher", "site=lab")
    assert (answer.status, "expected --matcher with a topic whose events have labels" in answer.err) == (2, True)


def test_since_goes_by_what_arrived_last(hubbub: Hubbub) -> None:
    write(alert("1", "old"), alert("2", "changed"), hours_ago=5)
    write(alert("2", "changed", revision=2), alert("3", "new"), hours_ago=1)
    assert asked(hubbub, "--since", "2h") == [["changed", "new"]] * 2
    assert hubbub("alerts", "--since", "yesterday").status == 2


@pytest.mark.parametrize("as_json", [False, True])
def test_following_tells_each_change_of_what_is_asked_for(hubbub: Hubbub, as_json: bool) -> None:
    first, other = alert("1", "freezer", labels={"team": "cold"}), alert("2", "door", labels={})
    write(first)
    options = ["--follow", "--matcher", "team=cold", *(["--json"] if as_json else [])]
    command = [sys.executable, "-m", "pipelines.command_line", "alerts", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        rows = process.stdout
        if not as_json:
            assert rows.readline().split()[:2] == ["SEVERITY", "STATE"]

        def told() -> tuple[str, str, bool]:
            """Return severity, state, and whether somebody has taken it over."""
            line = rows.readline()
            if as_json:
                event = json.loads(line)
                assert event["device_id"] == "freezer"
                return event["severity"], event["state"], event.get("acknowledged_by") == "ann"
            cells = line.split()
            assert cells[3] == "freezer"
            return cells[0], cells[1], line.endswith("(acknowledged by ann)\n")

        assert told() == ("major", "firing", False), "what is open comes first"
        write(other, {**first, "revision": 2, "severity": "critical"})
        assert told() == ("critical", "firing", False)
        with SqliteBroker("hubbub.db") as broker:
            write_action(broker, first, "acknowledge", by="ann", text="", now_us=NOW_US)
        assert told() == ("critical", "firing", True)
        write({**first, "revision": 3, "severity": "critical", "state": "resolved", "resolved_at": at(1)})
        assert told() == ("critical", "resolved", True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        assert rows.read() == ""
