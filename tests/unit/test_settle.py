"""What `produce` settles in an event, and what it leaves as it came."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone

import pyarrow as pa
import pytest

from pipelines.bad_input import BadInput
from pipelines.produce.row import BadRow, Row
from pipelines.produce.settle import Settling, object_of, typed
from pipelines.produce.time_zone import NotedZone, zone_named
from pipelines.since import time_us
from schemas.customer_messages import CUSTOMER_MESSAGES

LOST = b'{"device_id": "d", "x": 36893488147419103232, "event_id": "00000000000000000000000000000000"}'


def settle(line: bytes, device: str | None = None) -> Row | BadRow:
    event = object_of(1, line)
    assert isinstance(event, dict)
    return Settling(CUSTOMER_MESSAGES, NotedZone(UTC), device).event(1, event, line)


def test_bytes_stay_as_they_came_where_nothing_is_settled() -> None:
    line = b'{ "device_id" : "d", "big": 36893488147419103232, "event_time":"2026-03-01T08:00:00+01:00"}'
    assert settle(line, "other") == Row(1, b"d", line)


def test_no_integer_is_lost_when_a_row_is_written_anew() -> None:
    row = settle(LOST)
    assert isinstance(row, BadRow)
    assert "expected integers of at most 64 bits" in row.message


@pytest.mark.parametrize("value", ['"no id"', '"0123456789ABCDEF0123456789ABCDEF"', "7", "null"])
def test_what_is_no_event_id_stays_a_field(value: str) -> None:
    line = f'{{"device_id": "d", "event_id": {value}}}'.encode()
    assert settle(line) == Row(1, b"d", line)


def test_a_lone_surrogate_in_a_key_is_a_bad_row() -> None:
    event: dict[str, object] = {"device_id": "\ud800"}
    assert isinstance(Settling(CUSTOMER_MESSAGES, NotedZone(UTC)).event(1, event), BadRow)


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (pa.float64(), "1e3", 1000.0), (pa.int64(), "-7", -7), (pa.bool_(), "TRUE", True), (pa.bool_(), "0", False),
        (pa.string(), "7", "7"), (pa.map_(pa.string(), pa.float64()), '{"a": 1}', {"a": 1}),
    ],
)  # fmt: skip
def test_texts_of_tables_are_read_as_declared(type_: pa.DataType, text: str, value: object) -> None:
    assert typed(pa.field("x", type_), text) == value


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (pa.float64(), "1_0"), (pa.float64(), "inf"), (pa.float64(), "１"), (pa.int64(), "1.0"), (pa.int64(), "--1"),
        (pa.int64(), "9" * 30), (pa.bool_(), "yes"), (pa.list_(pa.string()), "[1"),
    ],
)  # fmt: skip
def test_texts_that_are_something_else_say_so(type_: pa.DataType, text: str) -> None:
    with pytest.raises(ValueError, match="x"):
        typed(pa.field("x", type_), text)


def test_zones_by_name_and_offset() -> None:
    assert zone_named("-05:30") == timezone(-timedelta(hours=5, minutes=30))
    assert zone_named("+08") == timezone(timedelta(hours=8))
    for wrong in ("+99:00", "+08:99", "../etc/passwd", "", "Mars/Phobos"):
        with pytest.raises(BadInput, match="expected a time zone"):
            zone_named(wrong)


@pytest.mark.parametrize(
    ("text", "expected"), [("30s", 70_000_000), ("1m", 40_000_000), ("1970-01-01T00:00:01.5Z", 1_500_000)]
)
def test_points_in_time(text: str, expected: int) -> None:
    assert time_us(text, 100_000_000) == expected


@pytest.mark.parametrize("text", ["", "10", "m", "-1m", "2026-03-01", "1y", "２m"])
def test_what_is_no_point_in_time(text: str) -> None:
    with pytest.raises(BadInput, match="expected a time like"):
        time_us(text, 0)
