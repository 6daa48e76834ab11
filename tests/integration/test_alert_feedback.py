"""Feedback on alerts: said once, shown beside the alert, kept with its evidence, and rows that training takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from infra.sqlite.broker import DAY_US, SqliteBroker
from pipelines.alert_feedback import labelled_row, labelled_texts
from pipelines.replay.incidents import read_incidents
from schemas.alerts import ALERTS
from schemas.record import Append

Hubbub = Callable[..., Any]
TEXTS = [("The compressor stopped", "mechanical", 0.7), ("Door open for 9 minutes", "safety", 0.9)]


def alert(device: str, alert_id: str = "a1", **fields: Any) -> dict[str, Any]:
    evidence = [
        {"event_id": f"e{number}", "kind": "log", "text": text, "label": label, "score": score, "model": "m 1"}
        for number, (text, label, score) in enumerate(TEXTS)
    ]
    return {
        "fingerprint": f"f-{device}", "alert_id": alert_id, "revision": 1, "device_id": device,
        "event_time": "2026-03-01T08:00:00Z", "rule": "log_abnormal", "state": "firing", "severity": "major",
        "category": "safety", "summary": f"{device} is open", "labels": {"alertname": "log_abnormal"},
        "opened_at": "2026-03-01T08:00:00Z", "fired_at": "2026-03-01T08:00:00Z", "updated_at": "2026-03-01T08:09:00Z",
        "count": 2, "evidence": evidence, **fields,
    }  # fmt: skip


def write(*alerts: dict[str, Any]) -> None:
    with SqliteBroker("hubbub.db") as broker:
        broker.create_topics([ALERTS])
        broker.append([Append("alerts", one["fingerprint"].encode(), orjson.dumps(one)) for one in alerts])


def rows(hubbub: Hubbub, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in hubbub("alerts", "feedback", *arguments).lines]


def test_a_verdict_shows_beside_the_alert_and_is_listed(hubbub: Hubbub) -> None:
    write(alert("door"))
    answer = hubbub(
        "alerts", "wrong", "f-d", "--comment", "cleaning \x1b[31mday", "--should-be", "normal", "--by", "ann"
    )
    assert (answer.status, answer.out) == (0, "f-door called wrong by ann: door is open\n")
    assert 'door is open (called wrong by ann) (ann: "cleaning [31mday")' in hubbub("alerts").out
    (shown,) = (json.loads(line) for line in hubbub("alerts", "--json").lines)
    assert (shown["verdict"], shown["judged_by"], shown["state"]) == ("wrong", "ann", "firing")
    header, line = hubbub("alerts", "feedback").lines
    assert header.split() == ["WHEN", "VERDICT", "BY", "RULE", "DEVICE", "ID", "WHY"]
    assert line.split()[1:6] == ["wrong", "ann", "log_abnormal", "door", "f-door"]
    assert line.endswith("should be normal; cleaning [31mday")


def test_the_last_verdict_on_an_episode_holds_and_each_episode_has_its_own(hubbub: Hubbub) -> None:
    write(alert("door"))
    for verdict in ("wrong", "right"):
        assert hubbub("alerts", verdict, "f-door", "--by", "ann").status == 0
    write(alert("door", "a2", revision=2, opened_at="2026-03-01T09:00:00Z"))
    assert "verdict" not in json.loads(hubbub("alerts", "--json").out)
    assert hubbub("alerts", "wrong", "f-door", "--by", "bob").status == 0
    assert [(one["alert_id"], one["verdict"], one["by"]) for one in rows(hubbub, "--json")] == [
        ("a1", "right", "ann"),
        ("a2", "wrong", "bob"),
    ]
    assert [one["alert_id"] for one in rows(hubbub, "--json", "--verdict", "wrong")] == ["a2"]
    assert rows(hubbub, "--json", "--rule", "log_abnormal", "--verdict", "right")[0]["alert_id"] == "a1"
    assert hubbub("alerts", "feedback", "--rule", "none").out == "no feedback\n"


def test_a_row_says_what_was_judged_and_is_a_label_for_replay(hubbub: Hubbub, tmp_path: Path) -> None:
    write(alert("door", resolved_at="2026-03-01T08:30:00Z", state="resolved"))
    assert hubbub("alerts", "right", "f-door", "--comment", "it was", "--by", "ann").status == 0
    (row,) = rows(hubbub, "--json")
    assert row | {"judged_at": ""} == {
        "verdict": "right", "should_be": None, "device_id": "door", "from": "2026-03-01T08:00:00Z",
        "until": "2026-03-01T08:30:00Z", "rule": "log_abnormal", "severity": "major", "category": "safety",
        "kind": "safety", "count": 2, "source": "log", "text": TEXTS[1][0], "template": None, "label": "safety",
        "score": 0.9, "metric": None, "value": None, "expected_low": None, "expected_high": None, "model": "m 1",
        "alert_id": "a1", "fingerprint": "f-door", "judged_at": "", "by": "ann", "comment": "it was",
    }  # fmt: skip
    labels = tmp_path / "labels.jsonl"
    labels.write_text(hubbub("alerts", "feedback", "--json").out)
    (incident,) = read_incidents(labels)
    assert (incident.device_id, incident.until_us - incident.from_us, incident.kind) == ("door", 1800_000_000, "safety")


def test_texts_have_the_label_that_somebody_said(hubbub: Hubbub) -> None:
    write(alert("door"), alert("gate"))
    hubbub("alerts", "wrong", "f-door", "--by", "ann")
    assert rows(hubbub, "--texts") == [], "wrong, but nobody said what would be right"
    hubbub("alerts", "right", "f-gate", "--by", "ann")
    assert rows(hubbub, "--texts") == [{"text": text, "label": label} for text, label, _ in TEXTS]
    hubbub("alerts", "wrong", "f-door", "--should-be", "normal", "--by", "bob")
    assert rows(hubbub, "--texts") == [{"text": text, "label": "normal"} for text, _, _ in TEXTS], "the later one holds"


def test_feedback_outlives_the_alert_its_actions_and_retention(hubbub: Hubbub) -> None:
    write(alert("door"))
    hubbub("alerts", "wrong", "f-door", "--by", "ann")
    with SqliteBroker("hubbub.db") as broker:
        broker.append([Append("alerts", b"f-door", None)])
        (record,) = [one for one in range(8) if broker.bounds(_part("alerts.feedback", one))[1]]
        arrived = broker.read(_part("alerts.feedback", record), 0, max_records=1, max_bytes=1)[0].timestamp_us
        broker.maintain(arrived + 400 * DAY_US)
        assert all(_kept(broker, "alerts.actions", one) == 0 for one in range(8))
    assert rows(hubbub, "--json")[0]["text"] == TEXTS[1][0]


def _part(topic: str, number: int) -> Any:
    from infra.broker import TopicPartition

    return TopicPartition(topic, number)


def _kept(broker: SqliteBroker, topic: str, number: int) -> int:
    first, end = broker.bounds(_part(topic, number))
    return end - first


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["wrong", "x"], "got that of none"),
        (["wrong", "f-door", "--should-be", "x" * 201], "at most 200 characters, got 201"),
        (["right", "f-door", "--comment", "x" * 2001], "at most 2,000 characters, got 2,001"),
        (["feedback", "--verdict", "maybe"], "'maybe'"),
    ],
)
def test_wrong_use(hubbub: Hubbub, arguments: list[str], said: str) -> None:
    write(alert("door"))
    answer = hubbub("alerts", *arguments)
    assert (answer.status, said in answer.err) == (2, True), answer.err


def test_hostile_evidence_is_no_row_of_text() -> None:
    event = {**alert("door"), "verdict": "right", "by": "ann", "evidence": [None, 3, {"text": 5, "score": "high"}]}
    assert list(labelled_texts([event])) == []
    assert labelled_row(event)["score"] == "high"
