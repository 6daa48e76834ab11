"""`hubbub topics describe`: hubbub's own topics by their declaration, a user's by what lies in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson
import pyarrow as pa
import pytest

from infra.sqlite.broker import SqliteBroker
from schemas.record import Append
from schemas.topic import DEVICE_ID, EVENT_TIME, Topic

Hubbub = Callable[..., Any]
LOUDNESS = Topic("acme.loudness", pa.schema([DEVICE_ID, EVENT_TIME]), "how loud", partitions=2)


@pytest.fixture
def loud(hubbub: Hubbub) -> Hubbub:
    """A topic of one's own with two events and what is none."""
    rows = [{"device_id": "d", "loud": 1, "why": None}, {"device_id": "e", "loud": 0.5, "x\x1b[31m": [1]}]
    values = [*map(orjson.dumps, rows), b"\xff\xfe", b"[1]"]
    with SqliteBroker("hubbub.db") as broker:
        broker.create_topics([LOUDNESS])
        broker.append([Append("acme.loudness", b"k", value) for value in values])
    return hubbub


def test_a_topic_of_ones_own_is_described_by_its_records(loud: Hubbub) -> None:
    answer = loud("topics", "describe", "acme.loudness")
    assert (answer.status, answer.lines) == (
        0,
        [
            "acme.loudness: not one of hubbub's own",
            "  2 partitions; nothing declares its columns",
            "  in 2 of the last 4 records:",
            "  device_id  string             in each",
            "  loud       integer or number  in each",
            "  why        null               in 1",
            "  x[31m      array              in 1",
        ],
    )


def test_for_programs_it_is_a_schema_beside_the_declared_ones(loud: Hubbub) -> None:
    own, declared = map(json.loads, loud("topics", "describe", "acme.loudness", "alarms", "--json").lines)
    assert (own["title"], own["required"], declared["title"]) == ("acme.loudness", ["device_id", "loud"], "alarms")
    assert own["properties"]["loud"] == {"type": ["integer", "number"]}


def test_an_empty_one_says_so(hubbub: Hubbub) -> None:
    with SqliteBroker("hubbub.db") as broker:
        broker.create_topics([LOUDNESS])
    assert hubbub("topics", "describe", "acme.loudness").lines[-1] == "  it is empty"


@pytest.mark.parametrize("arguments", [["nothing"], ["alarms", "nothing"], ["acme.loudness", "--asyncapi"]])
def test_what_nobody_knows_is_wrong_use(loud: Hubbub, arguments: list[str]) -> None:
    answer = loud("topics", "describe", *arguments)
    assert (answer.status, answer.out) == (2, "")
    assert "expected one of the topics" in answer.err
