"""Schemas change while events lie in the log (R31): what is compatible passes both ways, the rest is named."""

from __future__ import annotations

import orjson
import pyarrow as pa
import pytest

from schemas.json_codec import JsonCodec
from schemas.record import Record
from schemas.topic import DEVICE_ID, EVENT_TIME, Topic, column

V1 = Topic(
    "things",
    pa.schema([DEVICE_ID, EVENT_TIME, column("text", pa.string(), "words"), column("level", pa.int64(), "how high")]),
    "things, as they were",
)
# A column more, one gone, one called otherwise: additive, so of the same major.
V2 = Topic(
    "things",
    pa.schema(
        [DEVICE_ID, EVENT_TIME, column("text", pa.string(), "words"), column("place", pa.string(), "where it stands")]
    ),
    "things, as they are",
)
# A type that changed: another major.
V3 = Topic(
    "things", pa.schema([DEVICE_ID, EVENT_TIME, column("level", pa.string(), "how high, in words")]), "things", major=2
)
BASE = {"device_id": "d1", "event_time": "2026-03-01T08:30:00Z"}


def record(value: dict[str, object], *headers: tuple[str, str], offset: int = 0) -> Record:
    return Record(offset, 0, b"d1", orjson.dumps({**BASE, **value}), tuple((n, t.encode()) for n, t in headers))


def passed_on(value: dict[str, object], *topics: Topic) -> dict[str, object]:
    """Let one release after another read the event and write it again."""
    current = orjson.dumps({**BASE, **value})
    for topic in topics:
        codec = JsonCodec(topic)
        decoded = codec.decode("things", 0, [Record(0, 0, b"d1", current)])
        assert not decoded.refused, decoded.refused
        (current,) = codec.encode(decoded.batch)
    found: dict[str, object] = orjson.loads(current)
    return {name: value for name, value in found.items() if name not in BASE}


@pytest.mark.parametrize(
    ("value", "topics"),
    [
        ({"text": "a", "level": 3}, (V1, V2, V1)),  # removed in between, and back again
        ({"text": "a", "place": "cellar"}, (V2, V1, V2)),  # added, not known by the older one
        ({"text": "a", "level": 3, "place": "cellar"}, (V1, V2)),  # renamed: both names while both are about
        ({"text": "a", "brand": {"new": [1, 2.5, None]}}, (V1, V2, V1)),  # nobody knows it
    ],
)
def test_a_field_that_is_not_known_travels_through(value: dict[str, object], topics: tuple[Topic, ...]) -> None:
    assert passed_on(value, *topics) == value


def test_a_field_that_is_not_there_is_null() -> None:
    (row,) = JsonCodec(V2).decode("things", 0, [record({"level": 3})]).batch.to_pylist()
    assert (row["text"], row["place"], orjson.loads(row["extra"])) == (None, None, {"level": 3})


def test_a_retyped_field_is_refused_by_its_name() -> None:
    ((_, refused),) = JsonCodec(V1).decode("things", 0, [record({"level": "high"})]).refused
    assert (refused.reason, refused.stage) == ("schema", "SCHEMA")
    assert "level" in str(refused)


def test_a_mixed_batch_costs_only_what_does_not_fit() -> None:
    newer = ("ce_dataschema", "hubbub:things:2")
    records = [
        record({"text": "plain", "level": 1}, offset=0),
        record({"text": "says so", "level": 2}, ("ce_dataschema", "hubbub:things:1"), offset=1),
        record({"level": "high"}, newer, offset=2),  # its fields might even fit: the major decides
        record({"level": 9}, newer, offset=3),
        record({"text": "of others", "level": 4}, ("ce_dataschema", "https://example.com/2"), offset=4),
        record({"level": "retyped"}, offset=5),
        record({"text": "last", "place": "roof"}, offset=6),
    ]
    decoded = JsonCodec(V1).decode("things", 0, records)
    assert decoded.rows == [0, 1, 4, 6]
    assert [(row, refused.reason) for row, refused in decoded.refused] == [(2, "schema"), (3, "schema"), (5, "schema")]
    assert str(decoded.refused[0][1]) == "expected an event of hubbub:things:1, got one of hubbub:things:2"
    kept = JsonCodec(V3).decode("things", 0, records)
    assert 2 in kept.rows and 1 not in kept.rows


def test_a_schema_of_another_topic_or_shape_is_not_ours_to_judge() -> None:
    for said in ("hubbub:other:7", "hubbub:things", "", "\u202e"):
        assert JsonCodec(V1).decode("things", 0, [record({}, ("ce_dataschema", said))]).rows == [0]
