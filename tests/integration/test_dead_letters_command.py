"""`hubbub dead-letters`: seen as they are, and sent again once, with the identity of their first life."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.broker import TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.dead_letter_view import DeadLetter, letter_at
from pipelines.engines.dead_letter import DeadLetterWriter, Failure
from schemas.catalog import TOPICS
from schemas.identity import record_id
from schemas.json_codec import JsonCodec
from schemas.record import Append, Record

Hubbub = Callable[..., Any]
LOGS = "device.logs"
WRITER = DeadLetterWriter("hubbub-logs", "embedded", "0.1.0")
VALUE = b'{"device_id": "d-1", "message": "fine after all", "event_time": "2026-03-01T08:00:00Z"}'


@pytest.fixture
def letters(hubbub: Hubbub) -> list[str]:
    """Two dead letters, one of them of bytes that are no text; return their ids."""
    first = Record(7, 1_700_000_000_000_000, b"d-1", VALUE, (("traceparent", b"x"),))
    second = Record(9, 1_700_000_000_000_000, None, b"\xff\xfe{", ())
    appends = [
        WRITER.letter(LOGS, 3, first, Failure("INFER", "infer_error", "the model\x1b[31m said no"), 0),
        WRITER.letter(LOGS, 4, second, Failure("DECODE", "bad_json", "expected JSON, got a text that breaks"), 0),
    ]
    with SqliteBroker("hubbub.db") as broker:
        broker.create_topics([TOPICS["dead.letters"], TOPICS[LOGS]])
        broker.append(appends)
    return [DeadLetter(TopicPartition("dead.letters", 0), Record(0, 0, None, None, one.headers)).id for one in appends]


def logs() -> list[tuple[int, Record]]:
    with SqliteBroker("hubbub.db") as broker:
        return [
            (number, record)
            for number in range(8)
            for record in broker.read(TopicPartition(LOGS, number), 0, max_records=99, max_bytes=1 << 20)
        ]


def test_listed_with_reason_and_place(hubbub: Hubbub, letters: list[str]) -> None:
    header, *rows = sorted(hubbub("dead-letters", "list").lines, key=lambda line: "WHERE" not in line)
    assert header.split() == ["ID", "WHEN", "WHERE", "PIPELINE", "REASON", "MESSAGE"]
    by_id = {row.split()[0]: row for row in rows}
    assert set(by_id) == {one[:12] for one in letters}
    assert "device.logs/3@7" in by_id[letters[0][:12]]
    assert by_id[letters[0][:12]].endswith("infer_error  the model\\u001b[31m said no")
    assert by_id[letters[0][:12]].split()[3] == "logs"
    bad = json.loads(hubbub("dead-letters", "list", "--reason", "bad_json", "--json").out)
    assert (bad["offset"], bad["pipeline"], bad["group"]) == (9, "logs", "hubbub-logs")


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (["--topic", LOGS], 2), (["--topic", "alarms"], 0), (["--reason", "infer_error"], 1), (["--since", "1h"], 2),
        (["--since", "2100-01-01T00:00:00Z"], 0),
    ],
)  # fmt: skip
def test_filters(hubbub: Hubbub, letters: list[str], filters: list[str], count: int) -> None:
    assert len(hubbub("dead-letters", "list", "--json", *filters).lines) == count


def test_shown_in_full(hubbub: Hubbub, letters: list[str]) -> None:
    text = hubbub("dead-letters", "show", letters[0][:8]).out
    assert f"id      {letters[0]}" in text
    assert "where   device.logs/3@7, now dead.letters/" in text
    assert "reason  infer_error at INFER" in text
    assert "fine after all" in text
    assert "\x1b" not in text
    assert "value   ff fe 7b (3 bytes, no UTF-8)" in hubbub("dead-letters", "show", letters[1]).out


def test_an_unknown_or_unclear_id_is_wrong_use(hubbub: Hubbub, letters: list[str]) -> None:
    assert hubbub("dead-letters", "show", "zz").status == 2
    assert "that of 2 dead letters" in hubbub("dead-letters", "show", "").err


def test_replay_says_first_and_sends_only_when_told(hubbub: Hubbub, letters: list[str]) -> None:
    answer = hubbub("dead-letters", "replay", "--topic", LOGS)
    assert answer.lines[-1] == "2 dead letters; nothing was sent, --yes sends them"
    assert logs() == []


def test_replay_sends_the_same_bytes_with_the_same_identity(hubbub: Hubbub, letters: list[str]) -> None:
    assert hubbub("dead-letters", "replay", letters[0], "--yes").out == "1 sent again\n"
    [(number, record)] = logs()
    assert (record.key, record.value) == (b"d-1", VALUE)
    headers = dict(record.headers)
    assert headers.pop("dlq.replayed_from").startswith(b"dead.letters/")
    assert headers == {"traceparent": b"x", "ce_hubbubid": record_id(LOGS, 3, 7).encode()}
    decoded = JsonCodec(TOPICS[LOGS]).decode(LOGS, number, [record])
    assert decoded.batch.column("event_id").to_pylist() == [record_id(LOGS, 3, 7)]


def test_replay_sends_each_letter_once(hubbub: Hubbub, letters: list[str]) -> None:
    assert hubbub("dead-letters", "replay", "--topic", LOGS, "--yes").out == "2 sent again\n"
    again = hubbub("dead-letters", "replay", "--topic", LOGS, "--yes")
    assert again.out == "0 sent again; 2 had been sent before or dropped, or have no origin\n"
    assert len(logs()) == 2


def test_a_letter_that_failed_again_keeps_its_first_identity(hubbub: Hubbub, letters: list[str]) -> None:
    hubbub("dead-letters", "replay", letters[1], "--yes")
    [(number, record)] = logs()
    failed = WRITER.letter(LOGS, number, record, Failure("DECODE", "bad_json", "again"), 1)
    with SqliteBroker("hubbub.db") as broker:
        broker.append([failed])
    newest = hubbub("dead-letters", "list", "--json").lines[-1]
    assert json.loads(newest)["message"] == "again"
    assert hubbub("dead-letters", "replay", json.loads(newest)["id"], "--yes").out == "1 sent again\n"
    ids = [dict(record.headers)["ce_hubbubid"] for _, record in logs()]
    assert ids == [record_id(LOGS, 4, 9).encode()] * 2
    assert [sum(name == "dlq.replayed_from" for name, _ in record.headers) for _, record in logs()] == [1, 1]


def test_an_event_s_own_cloudevents_id_is_left_to_say_it(hubbub: Hubbub, letters: list[str]) -> None:
    record = Record(1, 0, b"d", b"{}", (("ce_id", b"1"), ("ce_source", b"/s")))
    with SqliteBroker("hubbub.db") as broker:
        broker.append([WRITER.letter(LOGS, 0, record, Failure("SCHEMA", "schema", "x"), 0)])
    hubbub("dead-letters", "replay", "--reason", "schema", "--yes")
    [(_, sent)] = logs()
    assert [name for name, _ in sent.headers] == ["ce_id", "ce_source", "dlq.replayed_from"]


def test_what_is_dropped_is_neither_listed_nor_sent(hubbub: Hubbub, letters: list[str]) -> None:
    assert hubbub("dead-letters", "drop", letters[0]).out == "1 dead letters; nothing was dropped, --yes drops them\n"
    assert hubbub("dead-letters", "drop", letters[0], "--yes").out == "1 dropped\n"
    assert [json.loads(line)["id"] for line in hubbub("dead-letters", "list", "--json").lines] == [letters[1]]
    assert hubbub("dead-letters", "replay", "--topic", LOGS, "--yes").out.startswith("1 sent again; 1 had been")
    assert hubbub("dead-letters", "list").out == "no dead letters; 2 sent again or dropped, --all shows them\n"
    every = [json.loads(line) for line in hubbub("dead-letters", "list", "--all", "--json").lines]
    assert {one["id"]: one["state"] for one in every} == {letters[0]: "dropped", letters[1]: "sent"}
    again = hubbub("dead-letters", "drop", "--topic", LOGS, "--yes").out
    assert again == "0 dropped; 2 had been sent again or dropped before\n"
    assert (hubbub("dead-letters", "drop", "--yes").status, len(logs())) == (2, 1)


def test_a_letter_is_found_by_its_place(letters: list[str]) -> None:
    with SqliteBroker("hubbub.db") as broker:
        found = [letter_at(broker, number, 0) for number in range(-1, 9)]
        assert {one.id for one in found if one is not None} == set(letters)
        assert letter_at(broker, 0, 99) is None


def test_replaying_everything_must_be_said(hubbub: Hubbub, letters: list[str]) -> None:
    answer = hubbub("dead-letters", "replay", "--yes")
    assert (answer.status, answer.out) == (2, "")
    assert logs() == []


def test_a_letter_without_origin_is_left_alone(hubbub: Hubbub, tmp_path: Path) -> None:
    with SqliteBroker("hubbub.db") as broker:
        broker.create_topics([TOPICS["dead.letters"]])
        broker.append([Append("dead.letters", None, b"x")])
    listed = json.loads(hubbub("dead-letters", "list", "--json").out)
    assert (listed["reason"], listed["offset"]) == ("unknown", -1)
    answer = hubbub("dead-letters", "replay", "--since", "1h", "--yes")
    assert (answer.status, "does not say where it came from" in answer.err) == (0, True)
