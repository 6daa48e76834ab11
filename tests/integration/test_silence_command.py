"""`hubbub silence`: asked for, listed, ended; and what cannot be one is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from infra.sqlite.broker import SqliteBroker
from pipelines.silences import silences_of
from schemas.alerts import ALERTS
from schemas.record import Append
from schemas.silences import SILENCES

Hubbub = Callable[..., Any]


@pytest.fixture(autouse=True)
def broker_file(hubbub: Hubbub) -> None:
    """One open alert, in the folder of the test."""
    event = {
        "alert_id": "a", "revision": 1, "device_id": "d-17", "event_time": "2026-03-01T08:00:00Z", "rule": "too-warm",
        "state": "firing", "severity": "major", "summary": "s", "labels": {"site": "lab"},
        "opened_at": "2026-03-01T08:00:00Z", "updated_at": "2026-03-01T08:00:00Z", "fired_at": "2026-03-01T08:00:00Z",
        "count": 1, "evidence": [],
    }  # fmt: skip
    with SqliteBroker("hubbub.db") as broker:
        broker.create_topics([ALERTS])
        broker.append([Append("alerts", b"f", json.dumps(event).encode())])


def test_a_silence_is_added_listed_and_ended(hubbub: Hubbub) -> None:
    added = hubbub(
        "silence", "add", "--matcher", "site=lab", "--matcher", "severity=~m.*", "--for", "2h", "--by", "Ann"
    )
    assert (added.status, added.err) == (0, "silences 1 of 1 open alerts\n")
    [id_] = added.lines
    header, row = hubbub("silence", "list").lines
    assert header.split() == ["ID", "STATE", "STARTS", "ENDS", "BY", "MATCHERS", "COMMENT"]
    assert row.split()[:2] == [id_, "active"]
    assert row.endswith('Ann  site="lab", severity=~"m.*"')
    [shown] = [json.loads(line) for line in hubbub("silence", "list", "--json").lines]
    assert shown["matchers"] == ['site="lab"', 'severity=~"m.*"']
    assert hubbub("silence", "expire", id_[:6]).out == f'{id_} ended: site="lab", severity=~"m.*"\n'
    assert hubbub("silence", "list").out == "no silences\n"
    assert json.loads(hubbub("silence", "list", "--all", "--json").out)["state"] == "expired"
    assert "has ended already" in hubbub("silence", "expire", id_).err


def test_one_that_begins_later_waits(hubbub: Hubbub) -> None:
    hubbub("silence", "add", "--matcher", "site=lab", "--for", "2h", "--starts", "2999-01-01T00:00:00Z")
    assert hubbub("silence", "list").lines[1].split()[1] == "pending"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--matcher", "site=~(", "--for", "2h"), "expected a pattern that RE2 takes"),
        (("--matcher", "severity=loud", "--for", "2h"), "can never match"),
        (("--matcher", "site=lab", "--for", "soon"), "expected a length of time like 30s"),
        (("--matcher", "site=lab", "--for", "0s"), "expected a silence that lasts for some time"),
        (("--matcher", "site=lab", "--for", "1h", "--starts", "2020-01-01T00:00:00Z"), "that ends in the future"),
        (("--for", "2h"), "Missing option '--matcher'"),
    ],
)
def test_what_cannot_be_a_silence_is_wrong_use(hubbub: Hubbub, arguments: tuple[str, ...], said: str) -> None:
    answer = hubbub("silence", "add", *arguments)
    assert answer.status == 2
    assert said in answer.err
    assert hubbub("silence", "list", "--all").out == "no silences\n"


def test_a_label_that_no_alert_has_is_pointed_out(hubbub: Hubbub) -> None:
    answer = hubbub("silence", "add", "--matcher", "devise_id=d-17", "--for", "1h")
    assert answer.err == "silences 0 of 1 open alerts; none has a label devise_id\n"


def test_hostile_text_is_shown_safely_and_kept_whole(hubbub: Hubbub) -> None:
    hubbub(
        "silence", "add", "--matcher", 'site="\x1b[31m\u202ex"', "--for", "1h", "--by", "a\x1b[2Jb", "--comment", "c\nd"
    )
    assert not {c for c in hubbub("silence", "list").out if not c.isprintable()} - {"\n"}
    with SqliteBroker("hubbub.db") as broker:
        [silence] = silences_of(broker)
    assert silence.matchers[0].value == "\x1b[31m\u202ex"


def test_a_record_that_is_no_silence_silences_nobody(hubbub: Hubbub) -> None:
    with SqliteBroker("hubbub.db") as broker:
        broker.create_topics([SILENCES])
        for value in (b"{}", b'{"id": "x", "matchers": []}', b'{"id": "x", "matchers": ["(((" ]}', b"\xff"):
            broker.append([Append(SILENCES.name, b"x", value)])
        assert silences_of(broker) == []
