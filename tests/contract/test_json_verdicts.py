"""The verdicts of JSONTestSuite hold on every topic, and every naughty string survives or is refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest

from schemas.catalog import INPUTS, TOPICS
from schemas.dead_letters import REASONS, STAGES
from schemas.device_logs import DEVICE_LOGS
from schemas.json_codec import JsonCodec, Refused, parse_json
from schemas.record import Record
from schemas.topic import Topic

BAD_INPUT = Path(__file__).parent.parent / "badinput"
PARSING = sorted((BAD_INPUT / "JSONTestSuite" / "test_parsing").glob("*.json"))
TRANSFORM = sorted((BAD_INPUT / "JSONTestSuite" / "test_transform").glob("*.json"))
NAUGHTY: list[str] = json.loads((BAD_INPUT / "blns" / "blns.json").read_text(encoding="utf-8"))
JSON_TOPICS = [topic for topic in TOPICS.values() if topic.content == "json"]

GOOD = {
    "device_id": "d-1",
    "event_time": "2026-03-01T08:30:00Z",
    "metric": "box_temp",
}


def verdict(value: bytes) -> str:
    """`accepted`, or the reason of the refusal."""
    try:
        parse_json(value)
    except Refused as refused:
        return refused.reason
    return "accepted"


def test_the_corpora_are_whole() -> None:
    """A checkout that lost or rewrote a file would make the tests below say less than they seem to."""
    kinds = [path.name[:2] for path in PARSING]
    assert (kinds.count("y_"), kinds.count("n_"), kinds.count("i_"), len(TRANSFORM)) == (95, 188, 35, 22)
    assert len(NAUGHTY) == 515


@pytest.mark.parametrize("path", [p for p in PARSING if p.name.startswith("y_")], ids=lambda p: p.name)
def test_accepts_what_is_json(path: Path) -> None:
    assert verdict(path.read_bytes()) == "accepted"


@pytest.mark.parametrize("path", [p for p in PARSING if p.name.startswith("n_")], ids=lambda p: p.name)
def test_refuses_what_is_not_json(path: Path) -> None:
    assert verdict(path.read_bytes()) == "bad_json"


@pytest.mark.parametrize("path", [p for p in PARSING if p.name.startswith("i_")] + TRANSFORM, ids=lambda p: p.name)
def test_what_it_accepts_can_always_be_written_again(path: Path) -> None:
    """Where the standard leaves the choice: whatever is accepted is free of surrogates and infinities."""
    value = path.read_bytes()
    if verdict(value) == "accepted":
        parsed = parse_json(value)
        assert parse_json(orjson.dumps(parsed)) == parsed
    else:
        assert verdict(value) in ("bad_json", "bad_utf8", "schema", "too_large")


@pytest.mark.parametrize("topic", JSON_TOPICS, ids=lambda topic: topic.name)
def test_a_bad_record_costs_one_record(topic: Topic) -> None:
    """Each file between two good records, on each topic: all good ones come out, each other one has a reason."""
    codec = JsonCodec(topic)
    good = _good_value(topic)
    files = PARSING + TRANSFORM
    records = [
        Record(offset=2 * row + extra, timestamp_us=0, key=None, value=good if extra else path.read_bytes())
        for row, path in enumerate(files)
        for extra in (0, 1)
    ]
    decoded = codec.decode(topic.name, 0, records)
    assert decoded.rows == list(range(1, 2 * len(files), 2)), "none of the files is an event"
    assert decoded.batch.num_rows == len(files)
    assert [index for index, _ in decoded.refused] == list(range(0, 2 * len(files), 2))
    for (_, refused), path in zip(decoded.refused, files, strict=True):
        assert refused.reason in REASONS
        assert refused.stage in STAGES
        assert len(refused.message) <= 1024
        assert refused.message.isprintable()
        if path.name.startswith("n_"):
            assert refused.reason == "bad_json"
        if path.name.startswith("y_"):
            assert refused.reason == "schema"


@pytest.mark.parametrize("topic", INPUTS, ids=lambda topic: topic.name)
def test_naughty_strings_survive_as_text_device_and_unknown_field(topic: Topic) -> None:
    """No string is harmful: what went in as a text, a device id or an unknown field's name comes out the same."""
    codec = JsonCodec(topic)
    text = next(column.name for column in topic.schema if column.name in ("message", "text", "unit"))
    events: list[dict[str, object]] = []
    for string in NAUGHTY:
        events.append({**GOOD, text: string})
        events.append({**GOOD, "device_id": string})
        events.append({**GOOD, f"unknown {string}": string})
    records = [Record(offset, 0, None, orjson.dumps(event)) for offset, event in enumerate(events)]
    decoded = codec.decode(topic.name, 0, records)
    assert decoded.refused == []
    batch = decoded.batch
    assert batch.column(text).to_pylist()[0::3] == NAUGHTY
    assert batch.column("device_id").to_pylist()[1::3] == NAUGHTY
    for sent, got in zip(events, codec.encode(batch), strict=True):
        assert orjson.loads(got) == {**sent, "event_time": "2026-03-01T08:30:00.000000Z"}


def test_naughty_strings_as_keys_headers_and_raw_values() -> None:
    """In a place where a string may not stand it is refused with a reason; nothing is raised."""
    codec = JsonCodec(DEVICE_LOGS)
    value = orjson.dumps({"event_time": GOOD["event_time"]})
    records: list[Record] = []
    for string in NAUGHTY:
        encoded = string.encode()
        records.append(Record(len(records), 0, encoded, value))
        records.append(Record(len(records), 0, b"d-1", encoded))
        headers = tuple((name, encoded) for name in ("ce_id", "ce_source", "ce_time", "ce_hubbubid", "traceparent"))
        records.append(Record(len(records), 0, b"d-1", value, headers))
    decoded = codec.decode("device.logs", 0, records)
    assert len(decoded.rows) + len(decoded.refused) == len(records)
    assert {index % 3 for index, _ in decoded.refused} == {1}
    as_keys = [row for row, index in enumerate(decoded.rows) if index % 3 == 0]
    assert decoded.batch.column("device_id").take(as_keys).to_pylist() == NAUGHTY
    assert all(refused.reason in ("bad_json", "schema") for _, refused in decoded.refused)


def test_a_value_with_any_byte_changed_is_a_row_or_is_refused() -> None:
    """Each byte of a rich event becomes each sign that means something in JSON: nothing is raised, nothing is lost."""
    event = {
        "device_id": "d-1",
        "event_time": "2026-03-01T08:30:00+08:00",
        "severity": "major",
        "metrics": {"port": 4, "é": -1.5e3},
        "hubbub": {"late": False, "parameters": ["a", None], "category": {"label": "power", "score": 0.5}},
        "other": [True, {"deep": "\n"}],
    }
    value = orjson.dumps(event)
    signs = b'\x00\x1f "\\{}[]:,-+.0eEtn\x7f\x80\xc3\xed\xff'
    values = [value[:at] + bytes([sign]) + value[at + 1 :] for at in range(len(value)) for sign in signs]
    values += [value[:at] for at in range(len(value))]
    records = [Record(offset, 0, b"d-1", one) for offset, one in enumerate(values)]
    codec = JsonCodec(TOPICS["device.logs.enriched"])
    decoded = codec.decode("device.logs.enriched", 0, records)
    decoded.batch.validate(full=True)
    indices = sorted([*decoded.rows, *(index for index, _ in decoded.refused)])
    assert indices == list(range(len(values)))
    assert {refused.reason for _, refused in decoded.refused} == {"bad_json", "bad_utf8", "schema"}
    again = [Record(row, 0, b"d-1", one) for row, one in enumerate(codec.encode(decoded.batch))]
    assert codec.decode("t", 0, again).batch.drop_columns(["event_id", "origin"]) == decoded.batch.drop_columns(
        ["event_id", "origin"]
    )


def _good_value(topic: Topic) -> bytes:
    """The smallest event that a topic takes."""
    small: dict[str, object] = {"string": "x", "int64": 1, "int32": 1, "double": 1.5, "bool": True}
    event: dict[str, object] = {}
    for column in topic.schema:
        if column.nullable:
            continue
        if str(column.type).startswith("timestamp"):
            event[column.name] = GOOD["event_time"]
        elif b"values" in (column.metadata or {}):
            event[column.name] = column.metadata[b"values"].decode().split("\n")[0]
        elif str(column.type).startswith("list"):
            event[column.name] = []
        else:
            event[column.name] = small.get(str(column.type), {})
    return orjson.dumps(event)
