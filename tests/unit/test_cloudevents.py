"""CloudEvents in Kafka's binary mode: headers in, headers out, and the envelope that they give."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest

from schemas.cloudevents import headers
from schemas.device_logs import DEVICE_LOGS
from schemas.envelope import EVENT_ID_HEADER
from schemas.identity import cloud_event_id, record_id
from schemas.json_codec import Decoded, JsonCodec, Refused
from schemas.record import Headers, Record

VALUE = orjson.dumps({"message": "m"})
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def decode(*attributes: tuple[str, bytes], value: bytes = VALUE) -> Decoded:
    """Decode a record with these headers at offset 5 of partition 3, and one without headers after it."""
    records = [Record(5, 1_000_000, b"d-1", value, attributes), Record(6, 1_000_000, b"d-1", VALUE)]
    return JsonCodec(DEVICE_LOGS).decode("device.logs", 3, records)


def cell(decoded: Decoded, column: str) -> object:
    assert decoded.rows == [0, 1]
    value: object = decoded.batch[column][0].as_py()
    return value


def refused(decoded: Decoded) -> Refused:
    assert decoded.rows == [1]
    [(index, refusal)] = decoded.refused
    assert index == 0
    return refusal


OWN = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ((), record_id("device.logs", 3, 5)),
        ((("ce_source", b"urn:a"), ("ce_id", b"1")), cloud_event_id("urn:a", "1")),
        ((("ce_source", b"urn:a"), ("ce_id", b"1"), ("ce_hubbubid", OWN.encode())), OWN),
        ((("ce_source", b"urn:a"),), record_id("device.logs", 3, 5)),
        ((("ce_source", b"urn:a"), ("ce_id", b"")), record_id("device.logs", 3, 5)),
        ((("ce_hubbubid", OWN.upper().encode()),), record_id("device.logs", 3, 5)),
        ((("ce_hubbubid", OWN[:-1].encode() + b"\n"),), record_id("device.logs", 3, 5)),
    ],
)
def test_event_id(attributes: Headers, expected: str) -> None:
    decoded = decode(*attributes)
    assert cell(decoded, "event_id") == expected
    assert decoded.batch["event_id"][1].as_py() == record_id("device.logs", 3, 6)


def test_each_record_has_its_own_headers() -> None:
    """Alike or not, and of a header said twice the last holds: what one record says is never another's."""
    say = [(EVENT_ID_HEADER, (f"{i:032x}").encode()) for i in range(3)]
    for alike in ([[say[0]], [say[1]], [say[2]]], [[say[0]], [say[1], say[2]], []], [[say[0], say[1]], [say[2]] * 2]):
        records = [Record(i, 0, b"d-1", VALUE, tuple(one)) for i, one in enumerate(alike)]
        ids = JsonCodec(DEVICE_LOGS).decode("device.logs", 3, records).batch["event_id"].to_pylist()
        own = [one[-1][1].decode() if one else record_id("device.logs", 3, i) for i, one in enumerate(alike)]
        assert ids == own


def test_event_time_is_the_value_s_then_the_header_s() -> None:
    time = ("ce_time", b"2026-03-01T08:30:00Z")
    assert cell(decode(time), "event_time") == datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
    own = orjson.dumps({"event_time": "2026-03-01T09:00:00Z"})
    assert cell(decode(time, value=own), "event_time") == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert refused(decode(("ce_time", b"soon"))).reason == "schema"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"alarms/7/41", {"topic": "alarms", "partition": 7, "offset": 41}),
        (b"alarms/7", None),
        (b"/7/41", None),
        (b"alarms/-7/41", None),
        ("alarms/٧/41".encode(), None),
        (b"alarms/7/99999999999999999999", None),
        (b"alarms/7/41/2", None),
    ],
)
def test_origin_is_where_the_row_first_lay(text: bytes, expected: object) -> None:
    lies = {"topic": "device.logs", "partition": 3, "offset": 5}
    assert cell(decode(("ce_hubbuborigin", text)), "origin") == (expected or lies)


@pytest.mark.parametrize("name", ["traceparent", "ce_traceparent"])
def test_traceparent(name: str) -> None:
    assert cell(decode((name, TRACE.encode())), "traceparent") == TRACE
    for bad in (
        TRACE.upper(),
        TRACE[:-1],
        "ff" + TRACE[2:],
        "00-" + "0" * 32 + TRACE[35:],
        TRACE.replace("-", "_"),
        "é",
    ):
        assert cell(decode((name, bad.encode())), "traceparent") is None


def test_tracestate_belongs_to_its_traceparent() -> None:
    """It goes with the context beside which it stands; without one, too long or not printable it is nothing."""
    context = ("traceparent", TRACE.encode())
    assert cell(decode(context, ("tracestate", b"a=1,b=2")), "tracestate") == "a=1,b=2"
    assert cell(decode(("ce_traceparent", TRACE.encode()), ("ce_tracestate", b"a=1")), "tracestate") == "a=1"
    assert cell(decode(context, ("ce_tracestate", b"a=1")), "tracestate") is None
    assert cell(decode(("tracestate", b"a=1")), "tracestate") is None
    for bad in (b"a=" + b"x" * 511, b"a=\x1b[31m", "a=é".encode(), b""):
        assert cell(decode(context, ("tracestate", bad)), "tracestate") is None


def test_structured_mode_is_refused_with_what_was_expected() -> None:
    refusal = refused(decode(("content-type", b"application/cloudevents+json; charset=utf-8")))
    assert (refusal.reason, refusal.stage) == ("schema", "DECODE")
    assert "binary mode" in refusal.message


def test_an_attribute_that_is_no_text_is_refused() -> None:
    refusal = refused(decode(("ce_type", b"\xff")))
    assert (refusal.reason, refusal.message) == ("bad_utf8", "expected UTF-8 in the header 'ce_type', got other bytes")
    assert cell(decode(("other", b"\xff"), ("traceparent", b"\xff")), "traceparent") is None


def test_headers_out_are_read_back() -> None:
    """What a pipeline writes keeps its id, its trace, and where it asks for it its origin."""
    batch = decode(("traceparent", TRACE.encode()), ("tracestate", b"vendor=1")).batch
    first, second = headers(DEVICE_LOGS, "logs", batch, with_origin=True)
    event_id = record_id("device.logs", 3, 5).encode()
    assert dict(first) == {
        "ce_specversion": b"1.0",
        "ce_id": event_id,
        "ce_source": b"/hubbub/pipelines/logs",
        "ce_type": b"hubbub.device.logs.v1",
        "ce_time": b"1970-01-01T00:00:01.000000Z",
        "ce_subject": b"d-1",
        "ce_dataschema": b"hubbub:device.logs:1",
        "content-type": b"application/json",
        "ce_hubbubid": event_id,
        "traceparent": TRACE.encode(),
        "ce_traceparent": TRACE.encode(),
        "tracestate": b"vendor=1",
        "ce_tracestate": b"vendor=1",
        "ce_hubbuborigin": b"device.logs/3/5",
    }
    assert not {"traceparent", "tracestate"} & set(dict(second))
    assert "ce_hubbuborigin" not in dict(headers(DEVICE_LOGS, "logs", batch)[0])
    codec = JsonCodec(DEVICE_LOGS)
    records = [
        Record(offset, 1_000_000, None, value, one)
        for offset, (value, one) in enumerate(zip(codec.encode(batch), (first, second), strict=True))
    ]
    assert codec.decode("rekeyed", 0, records).batch == batch
