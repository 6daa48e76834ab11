"""Acknowledging alerts, taking that back, commenting: events beside the alerts, joined where they are shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from infra.sqlite.broker import SqliteBroker
from pipelines.alert_actions import MOST_TEXT, joined, standing_of
from schemas.alerts import ALERTS
from schemas.record import Append

Hubbub = Callable[..., Any]


def alert(device: str, alert_id: str = "a1", **fields: Any) -> dict[str, Any]:
    return {
        "fingerprint": f"f-{device}",
        "alert_id": alert_id,
        "revision": 1,
        "device_id": device,
        "event_time": "2026-03-01T08:00:00Z",
        "rule": "r",
        "state": "firing",
        "severity": "major",
        "summary": f"{device} is warm",
        "labels": {"alertname": "r"},
        "opened_at": "2026-03-01T08:00:00.000000Z",
        "fired_at": "2026-03-01T08:00:00.000000Z",
        "updated_at": "2026-03-01T08:00:00Z",
        "count": 1,
        "evidence": [],
        **fields,
    }


def write(*alerts: dict[str, Any]) -> None:
    with SqliteBroker("hubbub.db") as broker:
        broker.create_topics([ALERTS])
        broker.append([Append("alerts", one["fingerprint"].encode(), orjson.dumps(one)) for one in alerts])


def shown(hubbub: Hubbub) -> list[dict[str, Any]]:
    return [json.loads(line) for line in hubbub("alerts", "--json").lines]


def test_an_acknowledgement_shows_and_can_be_taken_back(hubbub: Hubbub) -> None:
    write(alert("freezer"), alert("door"))
    answer = hubbub("alerts", "ack", "f-free", "--comment", "on my way", "--by", "ann")
    assert (answer.status, answer.out) == (0, "f-freeze acknowledged by ann: freezer is warm\n")
    taken, free = sorted(shown(hubbub), key=lambda one: one["device_id"], reverse=True)
    assert (taken["acknowledged_by"], taken["comments"][0]["text"], taken["state"]) == ("ann", "on my way", "firing")
    assert taken["acknowledged_at"] == taken["comments"][0]["event_time"]
    assert "acknowledged_by" not in free
    assert 'freezer is warm (acknowledged by ann: "on my way")' in hubbub("alerts").out
    assert hubbub("alerts", "ack", "f-freezer", "--by", "bob").status == 0
    by_device = {one["device_id"]: one for one in shown(hubbub)}
    assert by_device["freezer"]["acknowledged_by"] == "ann", "whoever was first took it over"
    assert hubbub("alerts", "unack", "f-freezer", "--by", "ann").status == 0
    assert all("acknowledged_by" not in one for one in shown(hubbub))


def test_a_comment_acknowledges_nothing(hubbub: Hubbub) -> None:
    write(alert("freezer"))
    assert hubbub("alerts", "comment", "f-", "the door \x1b[31mwas open", "--by", "ann").status == 0
    (one,) = shown(hubbub)
    assert (one["comments"][0]["action"], "acknowledged_by" in one) == ("comment", False)
    assert 'freezer is warm (ann: "the door [31mwas open")' in hubbub("alerts").out


def test_an_action_belongs_to_one_episode(hubbub: Hubbub) -> None:
    write(alert("freezer"))
    assert hubbub("alerts", "ack", "f-freezer", "--by", "ann").status == 0
    write(alert("freezer", "a2", revision=3, opened_at="2026-03-01T09:00:00Z"))
    assert "acknowledged_by" not in shown(hubbub)[0]


def test_an_action_that_names_no_episode_is_about_the_one_that_was_open_then() -> None:
    action = {"fingerprint": "f", "event_time": "2026-03-01T08:30:00Z", "action": "acknowledge", "by": "x"}
    one = {"opened_at": "2026-03-01T08:00:00.000000Z", "resolved_at": None, "alert_id": "a"}
    assert standing_of(one, [action]).acknowledged_by == "x"
    for other in ({"opened_at": "2026-03-01T08:31:00Z"}, {"resolved_at": "2026-03-01T08:29:00Z"}):
        assert standing_of({**one, **other}, [action]).acknowledged_by is None
    assert joined(one, {}) == one


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ack", "x"], "expected the fingerprint of one alert, got that of none: 'x'"),
        (["ack", ""], "got that of none"),
        (["ack", "f-"], "got that of 2 alerts: 'f-'"),
        (["comment", "f-door", "  "], "expected words in a comment, got none"),
        (["comment", "f-door", "x" * (MOST_TEXT + 1)], "at most 2,000 characters, got 2,001"),
    ],
)
def test_wrong_use(hubbub: Hubbub, arguments: list[str], said: str) -> None:
    write(alert("freezer"), alert("door"))
    answer = hubbub("alerts", *arguments)
    assert (answer.status, said in answer.err) == (2, True), answer.err
