"""Alerts know where their devices stand: told, hidden, silenced and listed by site, from the registry of devices."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from infra.sqlite.broker import SqliteBroker
from pipelines.notify.history import told
from pipelines.serve.board import Board, Filter, changes_from
from pipelines.serve.follower import Follower
from schemas.alerts import ALERTS
from schemas.devices import DEVICES
from schemas.matcher import parse_matchers
from schemas.notifications import NOTIFICATIONS
from schemas.record import Append
from schemas.silences import SILENCES
from tests.broker_subject import eventually
from tests.console_client import logged_in
from tests.console_world import alert as console_alert
from tests.console_world import make_world
from tests.http_receiver import HttpReceiver, http_receiver
from tests.integration.test_notifier import running, webhook

Hubbub = Callable[..., Any]
PAGE = (Path(__file__).parents[2] / "docs" / "subscribe.md").read_text(encoding="utf-8")
ROUTE = '[route]\nreceiver = "team"\ngroup_by = ["alertname", "site"]\ngroup_wait = "0s"\ngroup_interval = "1s"\n'


@pytest.fixture
def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteBroker]:
    monkeypatch.chdir(tmp_path)
    with SqliteBroker(tmp_path / "hubbub.db") as one:
        one.create_topics([ALERTS, DEVICES, SILENCES, NOTIFICATIONS])
        yield one


def row(device: str, site: str | None, valid_from: str = "2026-01-01T00:00:00Z", **more: str) -> Append:
    value = {"device_id": device, "valid_from": valid_from, "site": site, **more}
    return Append(DEVICES.name, device.encode(), orjson.dumps(value))


def alert(
    device: str, category: str = "network", state: str = "firing", *, revision: int = 1, **more: object
) -> Append:
    value = {
        "fingerprint": f"f-{device}", "alert_id": f"a-{device}", "revision": revision, "device_id": device,
        "event_time": "2026-03-01T08:00:00Z", "rule": "log_abnormal", "state": state, "severity": "major",
        "category": category, "summary": f"{device} has {category} trouble", "labels": {},
        "opened_at": "2026-03-01T07:59:00Z", "updated_at": "2026-03-01T08:00:00Z", "fired_at": "2026-03-01T08:00:00Z",
        "count": 3, "evidence": [], **more,
    }  # fmt: skip
    return Append(ALERTS.name, f"f-{device}".encode(), orjson.dumps(value))


def said(receiver: HttpReceiver) -> list[tuple[str, str, str | None]]:
    """What was told: each alert's device, state and site, in order."""
    alerts = [one for came in receiver.came for one in came.json["alerts"]]
    return [(one["labels"]["device_id"], one["status"], one["labels"].get("site")) for one in alerts]


def test_a_site_without_power_hides_its_own_devices_and_no_others(broker: SqliteBroker) -> None:
    """The rule of docs/subscribe.md as it stands there, and the rows of the registry that stand beside it."""
    settings, *_ = (piece.split("```")[0] for piece in PAGE.split("```toml\n")[1:])
    rule = settings[settings.index("[[inhibit_rules]]") : settings.index("[time_intervals")]
    shown, *_ = (piece.split("```")[0] for piece in PAGE.split("```json\n")[1:])
    rows = [Append(DEVICES.name, json.loads(line)["device_id"].encode(), line.encode()) for line in shown.splitlines()]
    broker.append([*rows, row("d-18", "home")])
    # Nobody knows where `stray` and `no-ups` stand, so neither hides the other.
    broker.append([alert("ups-1", "power"), alert("no-ups", "power", labels={"type": "ups"})])
    broker.append([alert("d-17"), alert("d-18"), alert("stray")])
    with http_receiver() as receiver, running(broker, ROUTE + webhook(receiver) + rule):
        assert eventually(lambda: len(said(receiver)) == 4)
        first = sorted(said(receiver), key=str)
        groups = [came.json["groupLabels"] for came in receiver.came]
        broker.append([alert("ups-1", "power", "resolved", revision=2, resolved_at="2026-03-01T09:00:00Z")])
        assert eventually(lambda: ("d-17", "firing", "lab") in said(receiver))
        told_of_it = [came.json["alerts"] for came in receiver.came if "d-17" in came.body.decode()]
    assert [one["status"] for one in told_of_it[0] if one["labels"]["device_id"] == "ups-1"] == ["resolved"]
    assert first == [
        ("d-18", "firing", "home"), ("no-ups", "firing", None), ("stray", "firing", None), ("ups-1", "firing", "lab"),
    ]  # fmt: skip
    assert sorted(map(str, groups)) == [
        "{'alertname': 'log_abnormal', 'site': 'home'}",
        "{'alertname': 'log_abnormal', 'site': 'lab'}",
        "{'alertname': 'log_abnormal'}",
    ]


def test_what_was_told_stays_where_it_was_told_though_the_registry_changes(broker: SqliteBroker) -> None:
    text = ROUTE.replace('["alertname", "site"]', '["device_id", "site"]')
    broker.append([row("d1", "lab"), alert("d1")])
    with http_receiver() as receiver:
        with running(broker, text + webhook(receiver)):
            assert eventually(lambda: bool(told(broker)) and told(broker)["team"].delivered == 1)
        # It is carried elsewhere, and the old place was wrong, too, while nobody is there to be told.
        broker.append([row("d1", "shop"), row("d1", "home", "2026-03-02T00:00:00Z"), row("d2", "home")])
        later = {"event_time": "2026-03-03T08:00:00Z"}
        broker.append([alert("d1", revision=2, **later), alert("d2")])
        with running(broker, text + webhook(receiver)):
            assert eventually(lambda: len(said(receiver)) == 2)
            over = {"resolved_at": "2026-03-03T09:00:00Z", **later}
            broker.append([alert("d1", state="resolved", revision=3, **over)])
            assert eventually(lambda: len(said(receiver)) == 3)
            broker.append([alert("d1", revision=4, alert_id="a-d1-again", **later)])
            assert eventually(lambda: len(said(receiver)) == 4)
    assert said(receiver) == [
        ("d1", "firing", "lab"), ("d2", "firing", "home"), ("d1", "resolved", "lab"), ("d1", "firing", "home"),
    ]  # fmt: skip


def test_a_silence_of_a_site_takes_what_stands_there(broker: SqliteBroker, hubbub: Hubbub) -> None:
    broker.append([alert("d1"), alert("d2"), alert("d3", state="pending", fired_at=None)])
    added = ("silence", "add", "--matcher", "site=lab", "--for", "2h")
    assert hubbub(*added).err == "silences 0 of 2 open alerts; none has a label site\n"
    broker.append([row("d1", "lab", room="office"), row("d2", "home"), row("d3", "lab", type="pump")])
    assert hubbub(*added).err == "silences 1 of 2 open alerts\n"
    with http_receiver() as receiver, running(broker, ROUTE + webhook(receiver)):
        assert eventually(lambda: len(said(receiver)) == 1)
        broker.append([row("d4", "home"), alert("d4")])
        assert eventually(lambda: ("d4", "firing", "home") in said(receiver))
    assert {device for device, _, _ in said(receiver)} == {"d2", "d4"}
    listed = [json.loads(line) for line in hubbub("alerts", "--all", "--json", "--matcher", "site=lab").lines]
    assert sorted((one["device_id"], one["place"], one["labels"]) for one in listed) == [
        ("d1", {"site": "lab", "room": "office"}, {}),
        ("d3", {"site": "lab", "type": "pump"}, {}),
    ]
    assert hubbub("alerts", "--matcher", "upstream=gw-1").out == "no open alerts\n"
    assert hubbub("alerts", "--matcher", "site").status == 2


def test_a_board_finds_alerts_by_site_and_learns_of_a_registry_that_comes_late(broker: SqliteBroker) -> None:
    gone = row("d3", None, "2026-02-01T00:00:00Z")
    broker.append([row("d2", "home"), row("d3", "lab"), gone, *map(alert, ("d1", "d2", "d3"))])
    board, lab = Board(), Filter(matchers=parse_matchers(["site=lab"]))
    follower = Follower(broker, 0.02, board.follows())
    follower.start()
    try:
        assert eventually(lambda: len(board.find(Filter())) == 3)
        before = board.number
        broker.append([row("d1", "lab", upstream_device_id="gw-1"), row("d2", "lab", "2026-04-01T00:00:00Z")])
        assert eventually(lambda: board.find(lab) != [])
    finally:
        follower.stop()
    [found] = board.find(lab)
    shown = orjson.loads(board.json(found))
    assert (shown["device_id"], shown["place"]) == ("d1", {"site": "lab", "upstream": "gw-1"})
    assert board.number == before, "where a device stands is no change of an alert"
    [(_, missed)] = changes_from(broker, "-".join("0" * ALERTS.partitions), lab, 10, board.registry) or []
    assert missed.alert == found.alert


def test_the_console_shows_and_finds_the_site(tmp_path: Path) -> None:
    hostile, own = "<b>x</b>\u202e", console_alert("own place", "d9", labels={"site": "own"})
    make_world(tmp_path / "console.db", [console_alert("no power", "d8"), own])
    with SqliteBroker(tmp_path / "console.db") as one:
        one.append([row("d8", hostile, room="r8"), row("d9", "lab", room="r9")])
    with logged_in(tmp_path / "console.db") as (client, _):
        found = {words: client.get("/alerts", params={"q": words}).text for words in ("kitchen", "r8", "own")}
        pages = [client.get(f"/alerts/f-{name}").text for name in ("no power", "own place")]
    assert "box_temp is unusual" in found["kitchen"] and '<span class="small">lab</span>' in found["kitchen"]
    assert "d8" not in found["kitchen"] and "d8: no power" in found["r8"] and "d9: own place" in found["own"]
    assert '<span class="small">&lt;b&gt;x&lt;/b&gt;</span>' in found["r8"]
    assert ["&lt;b&gt;x&lt;/b&gt; · r8" in pages[0], "own · r9" in pages[1]] == [True, True]
