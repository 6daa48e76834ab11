"""`hubbub subscribe` and `hubbub alerts`: what is shown, what is left out, and that an export can be produced again."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.broker import TopicPartition
from infra.sqlite.broker import SqliteBroker
from operators.alert_rule import AlertRule
from operators.default_alert_rules import DEFAULT_ALERT_RULES
from schemas.catalog import TOPICS
from schemas.record import Append
from tests.patience import PATIENCE_S
from tests.raised_alerts import event_of

Hubbub = Callable[..., Any]
MESSAGES = "customer.messages"


def write(topic: str, *events: dict[str, Any] | bytes, key: str = "device_id", path: str = "hubbub.db") -> None:
    with SqliteBroker(path) as broker:
        broker.create_topics([TOPICS[topic]])
        broker.append(
            [
                Append(topic, None, event)
                if isinstance(event, bytes)
                else Append(topic, event[key].encode(), json.dumps(event).encode())
                for event in events
            ]
        )


def alert(device: str, severity: str, state: str = "firing", *, revision: int = 1, **more: object) -> dict[str, Any]:
    return {
        "fingerprint": f"f-{device}", "alert_id": f"a-{device}", "revision": revision, "device_id": device,
        "event_time": "2026-03-01T08:00:00Z", "rule": "too-warm", "state": state, "severity": severity,
        "summary": f"{device} is too warm", "labels": {}, "opened_at": "2026-03-01T07:59:00Z",
        "updated_at": "2026-03-01T08:00:00Z", "fired_at": "2026-03-01T08:00:00Z", "count": 3, "evidence": [], **more,
    }  # fmt: skip


def test_alerts_are_what_is_shown_without_a_topic(hubbub: Hubbub) -> None:
    write("alerts", alert("freezer", "critical"), alert("door", "minor", "resolved"), key="fingerprint")
    assert sorted(hubbub("subscribe").lines) == [
        "2026-03-01T08:00:00Z  critical       firing    freezer           freezer is too warm",
        "2026-03-01T08:00:00Z  minor          resolved  door              door is too warm",
    ]


@pytest.mark.parametrize("rule", DEFAULT_ALERT_RULES, ids=lambda rule: rule.name)
def test_people_read_it_in_chinese_and_programs_as_it_is(hubbub: Hubbub, rule: AlertRule) -> None:
    event = event_of(rule)
    write("alerts", event, key="fingerprint")
    shown, [_, row] = hubbub("subscribe", "-v", "--language", "zh").lines, hubbub("alerts", "--language", "zh").lines
    severity = {"critical": "紧急", "major": "重要", "minor": "次要", "warning": "警告"}[event["severity"]]
    device = event["device_id"]
    assert shown[0].split()[1:3] == row.split()[:2] == [severity, "触发中"]
    assert f"  {device}：" in shown[0] and f"  {device}：" in row
    assert "unknown" not in shown[0] and len(shown) == 1 + len(event["evidence"])
    assert [line.split()[1] in ("日志", "消息", "告警信号", "遥测", "预测", "日志中断") for line in shown[1:]] == [
        True
    ] * (len(shown) - 1)
    for command in ("subscribe", "alerts"):
        assert hubbub(command, "--json", "--language", "zh").out == hubbub(command, "--json").out
        assert event["summary"] in hubbub(command, "--language", "en").out
    assert hubbub("alerts", "--language", "fr").status == 2


def incident(**more: object) -> dict[str, Any]:
    return {
        "incident_id": "i1", "revision": 1, "site": "实验室", "event_time": "2026-03-01T08:00:00Z", "state": "open",
        "severity": "major", "probable_cause_device_id": "gw-1", "probable_cause": "it was silent first",
        "summary": "gw-1 is away", "language": "en", "devices": ["gw-1"], "device_count": 1, "evidence_kinds": ["log"],
        "alert_ids": ["a"], "alert_count": 1, "event_count": 9, "timeline": [], "started_at": "2026-03-01T07:59:00Z",
        "opened_at": "2026-03-01T08:00:00Z", "updated_at": "2026-03-01T08:00:00Z", **more,
    }  # fmt: skip


def test_an_incident_is_told_by_its_paragraph(hubbub: Hubbub) -> None:
    write("incidents", incident(), key="incident_id")
    line = "2026-03-01T08:00:00Z  major          open      实验室            gw-1 is away"
    assert hubbub("subscribe", "incidents").lines == [line]


def test_an_incident_tells_each_event_once(hubbub: Hubbub) -> None:
    """An event that supports two alerts, or two revisions of one, stands in the timeline with each of them."""

    def entry(name: str, text: str) -> dict[str, str]:
        seen = {"event_time": "2026-03-01T07:59:00Z", "kind": "log", "device_id": "gw-1", "severity": "major"}
        return {**seen, "event_id": name * 32, "text": text}

    timeline = [entry("a", "link down"), entry("b", "no answer"), entry("a", "link down for 60 s")]
    write("incidents", incident(timeline=timeline), key="incident_id")
    assert [line.rpartition("  ")[2] for line in hubbub("incidents", "i1").lines[2:]] == [
        "link down for 60 s",
        "no answer",
    ]


def test_who_has_not_fired_is_shown_only_when_asked_for(hubbub: Hubbub) -> None:
    write("alerts", alert("freezer", "critical"), alert("door", "minor", "pending", fired_at=None), key="fingerprint")
    assert len(hubbub("subscribe").lines) == 1
    assert len(hubbub("subscribe", "--pending").lines) == 2
    assert [line.split()[3] for line in hubbub("alerts").lines[1:]] == ["freezer"]


def test_evidence_stands_under_its_alert(hubbub: Hubbub) -> None:
    reading = {
        "event_id": "ab" * 16, "kind": "telemetry", "event_time": "2026-03-01T07:59:00Z", "metric": "box_temp",
        "value": -4.25, "expected_low": -20, "expected_high": -16,
    }  # fmt: skip
    words = {
        "kind": "message",
        "text": "all is \x1b[31mmelting",
        "label": "device_fault",
        "score": 0.91,
        "words": ["melting"],
    }
    write("alerts", alert("freezer", "major", evidence=[reading, words]), key="fingerprint")
    _, first, second = hubbub("subscribe", "-v").lines
    assert first == "    2026-03-01T07:59:00Z  telemetry  abababab  box_temp = -4.25, expected -20 to -16"
    assert second.endswith('message              "all is [31mmelting"  device_fault 0.91  because of melting')


def test_the_worse_than_filter_and_the_device_filter(hubbub: Hubbub) -> None:
    found = [alert("a", "critical"), alert("b", "major"), alert("c", "warning"), alert("d", "cleared")]
    write("alerts", *found, key="fingerprint")
    shown = hubbub("subscribe", "--min-severity", "major", "--json").lines
    assert sorted(json.loads(line)["device_id"] for line in shown) == ["a", "b"]
    shown = hubbub("subscribe", "--device", "c", "--device", "d", "--json").lines
    assert sorted(json.loads(line)["device_id"] for line in shown) == ["c", "d"]


def test_since_goes_by_arrival(hubbub: Hubbub) -> None:
    hour_us = 3_600_000_000
    now_us = time.time_ns() // 1000
    for age, device in ((5, "old"), (1, "new")):
        with SqliteBroker("hubbub.db", clock=lambda age=age: now_us - age * hour_us) as broker:  # type: ignore[misc]
            broker.create_topics([TOPICS[MESSAGES]])
            broker.append([Append(MESSAGES, device.encode(), b'{"text": "x"}')])
    assert [
        json.loads(line)["device_id"] for line in hubbub("subscribe", MESSAGES, "--since", "2h", "--json").lines
    ] == ["new"]
    assert len(hubbub("subscribe", MESSAGES, "--since", "2020-01-01T00:00:00Z").lines) == 2


def test_an_export_is_produced_again_with_the_same_ids(hubbub: Hubbub, tmp_path: Path) -> None:
    write(MESSAGES, {"device_id": "d", "text": "你好"}, {"device_id": "e", "text": "x", "own": [1, None]})
    first = hubbub("subscribe", MESSAGES, "--json")
    (tmp_path / "export.jsonl").write_text(first.out)
    assert hubbub("produce", MESSAGES, "export.jsonl", "--broker", "sqlite:second.db").status == 0
    again = hubbub("subscribe", MESSAGES, "--json", "--broker", "sqlite:second.db")
    assert sorted(again.lines) == sorted(first.lines)
    assert len({json.loads(line)["event_id"] for line in again.lines}) == 2


def test_what_is_no_event_is_shown_as_what_it_is(hubbub: Hubbub) -> None:
    write(MESSAGES, b"\xff\x00", {"device_id": "d", "text": "good"})
    answer = hubbub("subscribe", MESSAGES)
    assert answer.status == 0
    assert sum("bad_json: expected JSON" in line for line in answer.lines) == 1
    shown = [json.loads(line) for line in hubbub("subscribe", MESSAGES, "--json").lines]
    bad = next(one for one in shown if "problem" in one)
    assert (bad["value_base64"], bad["topic"], bad["headers"]) == ("/wA=", MESSAGES, [])


@pytest.mark.parametrize(
    ("topic", "event", "line"),
    [
        ("device.logs", {"component": "ntp", "message": "a\nb", "severity": "minor"}, "minor          ntp: a b"),
        ("alarms", {"code": "E-21", "text": "door", "state": "raise"}, "E-21: door"),
        ("device.telemetry", {"metric": "temp", "value": 21.5, "unit": "Cel"}, "temp = 21.5 °C"),
        ("device.telemetry", {"metric": "temp"}, "temp = no value"),
        (
            "customer.messages.enriched",
            {"text": "hi", "hubbub": {"sentiment": {"label": "positive", "score": 0.876}, "late": False}},
            "hi  [sentiment=positive 0.88]",
        ),
        (
            "device.telemetry.enriched",
            {"metric": "t", "value": 1, "hubbub": {"anomaly": {"is_anomaly": True, "score": 1.0, "kind": "spike"}}},
            "t = 1  [anomaly=yes 1.00 spike]",
        ),
    ],
)  # fmt: skip
def test_a_line_for_each_kind_of_event(hubbub: Hubbub, topic: str, event: dict[str, Any], line: str) -> None:
    write(topic, {"device_id": "d", "event_time": "2026-03-01T08:00:00.123Z", **event})
    assert hubbub("subscribe", topic).lines == [f"2026-03-01T08:00:00Z  {'d':<16}  {line}"]


def test_events_of_a_topic_of_one_s_own(hubbub: Hubbub) -> None:
    with SqliteBroker("hubbub.db") as broker:
        broker.create_topics([replace(TOPICS[MESSAGES], name="mine")])
        event = b'{"device_id": "d", "event_time": "2026-03-01T08:00:00.5Z", "message": "hello", "event_id": "own"}'
        broker.append([Append("mine", b"d", event, (("ce_hubbubid", b"ab" * 16),))])
    assert hubbub("subscribe", "mine").lines == ["2026-03-01T08:00:00Z  d                 hello"]
    assert json.loads(hubbub("subscribe", "mine", "--json").out)["event_id"] == "ab" * 16


def test_naughty_strings_do_nothing_to_a_terminal(hubbub: Hubbub) -> None:
    strings = json.loads((Path(__file__).parents[1] / "badinput" / "blns" / "blns.json").read_text(encoding="utf-8"))
    write(MESSAGES, *({"device_id": text or "d", "text": text} for text in strings))
    lines = hubbub("subscribe", MESSAGES).out.split("\n")[:-1]
    assert len(lines) == len(strings)
    joiners = "\u200c\u200d"  # emoji and some scripts need them; they move nothing
    assert {c for line in lines for c in line if not c.isprintable()} <= set(joiners)


def test_a_topic_that_nobody_wrote_to_is_empty(hubbub: Hubbub) -> None:
    write(MESSAGES, {"device_id": "d", "text": "x"})
    assert (hubbub("subscribe").status, hubbub("subscribe").out) == (0, "")


def test_following_shows_what_is_new(hubbub: Hubbub, tmp_path: Path) -> None:
    write(MESSAGES, {"device_id": "d", "text": "before"})
    command = [sys.executable, "-m", "pipelines.command_line", "subscribe", MESSAGES, "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        deadline = time.monotonic() + PATIENCE_S
        with SqliteBroker("hubbub.db") as broker:  # write until the follower has come up and sees one
            while process.poll() is None and time.monotonic() < deadline:
                broker.append([Append(MESSAGES, b"d", b'{"text": "after"}')])
                if _readable(process.stdout.fileno()):
                    break
        line = process.stdout.readline()
        process.terminate()
    assert line.rstrip().endswith("d                 after")


def _readable(descriptor: int) -> bool:
    import select

    return bool(select.select([descriptor], [], [], 0.05)[0])


def test_open_alerts_are_listed_worst_first(hubbub: Hubbub) -> None:
    write(
        "alerts",
        alert("door", "minor"),
        alert("freezer", "warning"),
        alert("pump", "major"),
        alert("freezer", "critical", revision=2),
        alert("pump", "major", "resolved", revision=2),
        key="fingerprint",
    )
    header, *rows = hubbub("alerts").lines
    assert header.split() == ["SEVERITY", "STATE", "OPENED", "DEVICE", "EVENTS", "ID", "SUMMARY"]
    assert [row.split()[:4] for row in rows] == [
        ["critical", "firing", "2026-03-01T07:59:00Z", "freezer"],
        ["minor", "firing", "2026-03-01T07:59:00Z", "door"],
    ]
    assert len(hubbub("alerts", "--all").lines) == len(hubbub("alerts", "list", "--all").lines) == 4
    assert len(hubbub("alerts", "--min-severity", "major").lines) == 2
    assert [json.loads(line)["revision"] for line in hubbub("alerts", "--device", "freezer", "--json").lines] == [2]


def test_a_removed_alert_is_not_open(hubbub: Hubbub) -> None:
    write("alerts", alert("door", "minor"), key="fingerprint")
    with SqliteBroker("hubbub.db") as broker:
        broker.append([Append("alerts", b"f-door", None)])
        assert sum(broker.bounds(TopicPartition("alerts", n))[1] for n in range(8)) == 2
    assert hubbub("alerts", "--all").out == "no alerts\n"


def test_topics_are_listed_made_and_described(hubbub: Hubbub) -> None:
    assert [line.split()[:3] for line in hubbub("topics", "list").lines[1:3]] == [
        ["device.logs", "-", "-"], ["customer.messages", "-", "-"],
    ]  # fmt: skip
    assert hubbub("topics", "create", MESSAGES, "alarms").out == f"2 created: {MESSAGES}, alarms; 0 existed\n"
    assert hubbub("topics", "create", MESSAGES).out == "0 created; 1 existed\n"
    write(MESSAGES, {"device_id": "d", "text": "x"})
    listed = {one["topic"]: one for one in map(json.loads, hubbub("topics", "list", "--json").lines)}
    assert (listed[MESSAGES]["partitions"], listed[MESSAGES]["records"], listed["alerts"]["records"]) == (8, 1, None)


def test_topics_are_described_for_people_and_programs(hubbub: Hubbub) -> None:
    text = hubbub("topics", "describe", "alarms").out
    assert "perceived_severity  string" in text
    assert "whether it begins or ends: raise, clear" in text
    assert json.loads(hubbub("topics", "describe", "alarms", "--json").out)["title"] == "alarms"
    document = json.loads(hubbub("topics", "describe", "--asyncapi").out)
    assert (document["asyncapi"], set(document["channels"])) == ("3.0.0", set(TOPICS))
