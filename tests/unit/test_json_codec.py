"""Records to rows and rows to JSON: what fits comes through whole, what does not is refused with its reason."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime

import orjson
import pyarrow as pa
import pytest

from schemas.alerts import ALERTS
from schemas.answers import CUSTOMER_MESSAGES_ENRICHED, DEVICE_LOGS_ENRICHED
from schemas.dead_letters import DEAD_LETTERS
from schemas.device_logs import DEVICE_LOGS
from schemas.device_telemetry import DEVICE_TELEMETRY
from schemas.identity import record_id
from schemas.json_codec import Decoded, JsonCodec
from schemas.record import Record
from schemas.ticks import TICKS
from schemas.topic import Topic

AT = "2026-03-01T08:30:00Z"
APPENDED_US = 1_772_353_801_000_000  # one second after AT


def decode(topic: Topic, *values: object, key: bytes | None = b"d-1") -> Decoded:
    """Decode values (bytes as they are, anything else as JSON) that lie at offsets 0, 1, ... of partition 3."""
    records = [
        Record(offset, APPENDED_US, key, value if isinstance(value, bytes | None) else orjson.dumps(value))
        for offset, value in enumerate(values)
    ]
    decoded = JsonCodec(topic).decode(topic.name, 3, records)
    decoded.batch.validate(full=True)
    assert decoded.batch.schema == topic.decoded_schema
    return decoded


def refusal(topic: Topic, value: object, key: bytes | None = b"d-1") -> tuple[str, str, str]:
    """Reason, stage and message of the refusal of one value, which costs its neighbours nothing."""
    good = encode_small(topic)
    decoded = decode(topic, good, value, good, key=key)
    assert decoded.rows == [0, 2]
    [(index, refused)] = decoded.refused
    assert index == 1
    return refused.reason, refused.stage, refused.message


def encode_small(topic: Topic) -> bytes:
    small = {DEVICE_LOGS: {"message": "m"}, DEVICE_TELEMETRY: {"metric": "m"}, DEVICE_LOGS_ENRICHED: {"hubbub": {}}}
    return orjson.dumps(small[topic])


def test_a_plain_value_becomes_a_row_with_its_envelope() -> None:
    decoded = decode(
        DEVICE_LOGS, {"event_time": AT, "message": "link down", "metrics": {"port": 4}, "new": [1, {"b": 2}]}
    )
    [row] = decoded.batch.to_pylist(maps_as_pydicts="strict")
    assert row == {
        "device_id": "d-1",
        "event_time": datetime(2026, 3, 1, 8, 30, tzinfo=UTC),
        "message": "link down",
        "severity": None,
        "severity_text": None,
        "component": None,
        "process_id": None,
        "metrics": {"port": 4.0},
        "event_id": record_id("device.logs", 3, 0),
        "received_at": datetime(2026, 3, 1, 8, 30, 1, tzinfo=UTC),
        "origin": {"topic": "device.logs", "partition": 3, "offset": 0},
        "traceparent": None,
        "tracestate": None,
        "extra": '{"new":[1,{"b":2}]}',
    }


def test_an_empty_batch_has_the_same_columns() -> None:
    assert decode(DEVICE_LOGS).batch.num_rows == 0
    assert JsonCodec(DEVICE_LOGS).encode(decode(DEVICE_LOGS).batch) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("message", 7),
        ("message", ["m"]),
        ("severity", "catastrophic"),
        ("severity", []),
        ("device_id", 17),
        ("metrics", []),
        ("metrics", [["port", 4]]),
        ("metrics", {"port": "4"}),
        ("metrics", {"port": True}),
        ("event_time", 1772353800),
        ("event_time", "yesterday"),
        ("event_time", "2026-02-30T00:00:00Z"),
        ("event_time", "0000-01-01T00:00:00Z"),
        ("event_time", "9999-12-31T23:59:59-01:00"),
        ("hubbub", None),
        ("unknown", {"deep": [10**30]}),
    ],
)
def test_a_value_of_another_kind_is_refused(field: str, value: object) -> None:
    text = (
        orjson.dumps({field: value}, default=str)
        if value != {"deep": [10**30]}
        else b'{"unknown":{"deep":[1%b]}}' % (b"0" * 30)
    )
    reason, stage, message = refusal(DEVICE_LOGS, text)
    assert (reason, stage) == ("schema", "SCHEMA" if field != "unknown" else "DECODE")
    assert message.startswith("expected ")
    assert field in message


def test_a_time_without_zone_is_refused_with_what_to_do() -> None:
    _, _, message = refusal(DEVICE_LOGS, {"event_time": "2026-03-01T08:30:00"})
    assert message == (
        "expected a time with its zone in event_time, got '2026-03-01T08:30:00' without one: "
        "`produce --timezone` says what zone such times are in"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T16:30:00+08:00", datetime(2026, 3, 1, 8, 30, tzinfo=UTC)),
        ("2026-03-01t08:30:00.5z", datetime(2026, 3, 1, 8, 30, 0, 500000, tzinfo=UTC)),
        ("2026-03-01T08:30:00.123456789Z", datetime(2026, 3, 1, 8, 30, 0, 123456, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        (None, datetime(2026, 3, 1, 8, 30, 1, tzinfo=UTC)),
    ],
)
def test_times(text: str | None, expected: datetime) -> None:
    """RFC 3339 in each spelling; an event without a time happened when it was received."""
    assert decode(DEVICE_LOGS, {"event_time": text}).batch["event_time"].to_pylist() == [expected]


def test_numbers() -> None:
    """An integer is a fine float and 3.0 a fine integer; a bool is neither, nor is a text."""
    values = [1, 2.5, -0.0, 2**63, 10**15 + 1]
    decoded = decode(DEVICE_TELEMETRY, *({"metric": "m", "value": value} for value in values))
    assert decoded.batch["value"].to_pylist() == [float(value) for value in values]
    for bad in (True, "1", [1], {"a": 1}):
        assert refusal(DEVICE_TELEMETRY, {"metric": "m", "value": bad})[0] == "schema"
    tick = {"stream": "s", "group": "g", "topic": "t", "partition": 3.0, "offset": 2**63 - 1, "event_time": AT}
    decoded = decode(
        TICKS, tick, {**tick, "partition": 2**31}, {**tick, "offset": 1.5}, {**tick, "offset": 2**63}, key=b"s"
    )
    assert decoded.batch["partition"].to_pylist() == [3]
    assert [refused.reason for _, refused in decoded.refused] == ["schema"] * 3


def test_a_required_column_must_be_there() -> None:
    assert refusal(DEVICE_TELEMETRY, {"value": 1.0}) == (
        "schema",
        "SCHEMA",
        "expected metric, which is required, got none",
    )
    assert refusal(DEVICE_TELEMETRY, {"metric": None})[:2] == ("schema", "SCHEMA")


def test_what_is_no_object_is_refused() -> None:
    values: list[object] = [[], 7, "text", None, True]
    for value in values:
        assert refusal(DEVICE_LOGS, orjson.dumps(value))[:2] == ("schema", "SCHEMA")
    assert refusal(DEVICE_LOGS, b"{nope}")[:2] == ("bad_json", "DECODE")


def test_a_batch_that_was_not_inflated_is_refused_as_a_bomb() -> None:
    records = [
        Record(0, APPENDED_US, b"d-1", b'{"message": "hi"}'),
        Record(9, APPENDED_US, None, b"\x28\xb5", bomb="too far"),
    ]
    decoded = JsonCodec(DEVICE_LOGS).decode("device.logs", 0, records)
    assert decoded.rows == [0]
    assert [(index, refused.reason, str(refused)) for index, refused in decoded.refused] == [(1, "bomb", "too far")]


def test_tombstones() -> None:
    """On a compacted topic it is no row and no fault; elsewhere it is refused."""
    assert refusal(DEVICE_LOGS, None) == (
        "schema",
        "SCHEMA",
        "expected a JSON object, got a tombstone (no value at all)",
    )
    decoded = decode(ALERTS, None)
    assert (decoded.rows, decoded.refused, decoded.batch.num_rows) == ([], [], 0)


def test_the_key_names_the_device() -> None:
    assert decode(DEVICE_LOGS, {"device_id": "d-9"}, key=None).batch["device_id"].to_pylist() == ["d-9"]
    assert decode(DEVICE_LOGS, {}, key="设备".encode()).batch["device_id"].to_pylist() == ["设备"]
    [(_, refused)] = decode(DEVICE_LOGS, {"device_id": "d-9"}).refused
    assert (refused.reason, refused.stage) == ("schema", "KEY")
    [(_, refused)] = decode(DEVICE_LOGS, {"device_id": "d-9"}, key=b"\xff").refused
    assert (refused.reason, refused.stage) == ("bad_utf8", "KEY")
    [(_, refused)] = decode(DEVICE_LOGS, {}, key=None).refused
    assert (refused.reason, refused.message) == ("schema", "expected device_id, which is required, got none")


def test_answers_that_are_null_are_said_and_empty_words_are_not() -> None:
    label = {"label": "negative", "score": 0.75, "model": "m@1"}
    sent = {"device_id": "d-1", "event_time": AT, "hubbub": {"late": False, "sentiment": label, "topic": None}}
    batch = decode(CUSTOMER_MESSAGES_ENRICHED, sent).batch
    [value] = JsonCodec(CUSTOMER_MESSAGES_ENRICHED).encode(batch)
    assert value == (
        b'{"device_id":"d-1","event_time":"2026-03-01T08:30:00.000000Z","hubbub":{"input":null,"late":false,'
        b'"language":null,"sentiment":{"label":"negative","score":0.75,"model":"m@1"},"topic":null,"urgency":null}}'
    )


def test_nested_faults_name_their_place() -> None:
    for answers, place in [
        ({"category": {"score": "high"}}, "hubbub.category.score"),
        ({"category": {"words": ["a", 1]}}, "hubbub.category.words[1]"),
        ({"parameters": "none"}, "hubbub.parameters"),
        ({"input": {"partition": 2**40}}, "hubbub.input.partition"),
        ([], "hubbub"),
    ]:
        reason, stage, message = refusal(DEVICE_LOGS_ENRICHED, {"hubbub": answers})
        assert (reason, stage) == ("schema", "SCHEMA")
        assert f" in {place}, got " in message


def test_encoding_ignores_foreign_columns_and_lacks_optional_ones() -> None:
    batch = pa.record_batch(
        {
            "other": pa.array([1, 2]),
            "message": pa.array(["m", None], pa.large_string()),
            "device_id": pa.array(["a", "b"]),
            "event_time": pa.array([0, 1], pa.timestamp("us", tz="UTC")),
            "metrics": pa.array([[("x", float("nan")), ("y", 1.0)], None], DEVICE_LOGS.schema.field("metrics").type),
            "extra": pa.array(['{"z":1,"message":"older"}', None]),
        }
    )
    assert JsonCodec(DEVICE_LOGS).encode(batch) == [
        b'{"device_id":"a","event_time":"1970-01-01T00:00:00.000000Z","message":"m","metrics":{"x":null,"y":1.0},"z":1}',
        b'{"device_id":"b","event_time":"1970-01-01T00:00:00.000001Z"}',
    ]


def test_encoding_refuses_rows_that_could_not_be_read_again() -> None:
    batch = decode(DEVICE_TELEMETRY, {"metric": "m"}).batch
    codec = JsonCodec(DEVICE_TELEMETRY)
    with pytest.raises(ValueError, match="required column 'metric'"):
        codec.encode(batch.drop_columns(["metric"]))
    index = batch.schema.get_field_index("metric")
    with pytest.raises(ValueError, match="1 nulls"):
        codec.encode(batch.set_column(index, "metric", pa.nulls(1, pa.string())))


def test_a_codec_is_built_for_json_and_travels_between_processes() -> None:
    with pytest.raises(ValueError, match=r"dead\.letters"):
        JsonCodec(DEAD_LETTERS)
    codec = pickle.loads(pickle.dumps(JsonCodec(DEVICE_LOGS)))
    assert codec == JsonCodec(DEVICE_LOGS)
    assert codec.decode("device.logs", 0, [Record(0, 0, b"d", b"{}")]).rows == [0]
