"""Rows drawn as a table: `rows(topic, text)` gives the batch that an operator would meet.

    rows(DEVICE_TELEMETRY_ENRICHED, '''
        device_id | event_time | metric   | value | hubbub.anomaly.is_anomaly
        freezer-2 | 02:14      | box_temp | 9.1   | true
    ''')

`-` is null. Times: RFC 3339, `HH:MM[:SS[.ffffff]]` of 2026-03-01 UTC, or seconds since its midnight (`90`, `-3.5`).
Lists are comma-separated, maps `name=value` pairs so; an empty list is `[]`. A column inside a struct is named with
dots. Columns that are not drawn are null, but for the envelope: ids `e0`, `e1`, ...; `received_at` the event time;
`origin` (topic, 0, row number), and the same, with the topic that was enriched, for `hubbub.input`; `watermark` and
`late` as a reader with 10 s of lateness sets them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from schemas.topic import Topic

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
LATENESS_S = 10.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rows(topic: Topic, table_text: str, *, lateness_s: float = LATENESS_S) -> pa.RecordBatch:
    """Return the drawn rows with the topic's `row_schema`; ValueError says which cell cannot be read."""
    schema = topic.row_schema
    drawn = [_nested(topic, number, cells) for number, cells in enumerate(_table(table_text))]
    filled = [_with_envelope(topic, number, row) for number, row in enumerate(drawn)]
    if not filled or "watermark" not in filled[0]:
        _add_progress(filled, topic.event_time, lateness_s)
    for row in filled:
        watermark = row["watermark"]
        row.setdefault("late", watermark is not None and row[topic.event_time] < watermark)
    return pa.RecordBatch.from_pylist(filled, schema=schema)


def read_time(text: str) -> datetime:
    """Read a time as it is drawn.

    >>> read_time("02:14").isoformat(), read_time("90").isoformat()
    ('2026-03-01T02:14:00+00:00', '2026-03-01T00:01:30+00:00')
    """
    if "T" in text:
        return datetime.fromisoformat(text)
    if ":" not in text:
        return MIDNIGHT + timedelta(seconds=float(text))
    hours, minutes, seconds = (*text.split(":"), "0")[:3]
    return MIDNIGHT + timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))


def microseconds(text: str) -> int:
    """Return a drawn time as microseconds since 1970."""
    return (read_time(text) - _EPOCH) // timedelta(microseconds=1)


def _table(text: str) -> list[dict[str, str]]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise ValueError("expected a table with a line of column names, got nothing")
    names = [name.strip() for name in lines[0].split("|")]
    table = []
    for line in lines[1:]:
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != len(names):
            raise ValueError(f"expected {len(names)} cells, got {len(cells)} in {line!r}")
        table.append(dict(zip(names, cells, strict=True)))
    return table


def _nested(topic: Topic, number: int, cells: Mapping[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for path, cell in cells.items():
        *parents, name = path.split(".")
        type_ = _type_of(topic.row_schema, path)
        try:
            value = None if cell == "-" else _reader(type_)(cell)
        except ValueError as error:
            raise ValueError(f"row {number}, column {path}: expected {type_}, got {cell!r}") from error
        if value is None and parents:
            continue  # a struct whose fields are all null is null itself, as an operator without an answer leaves it
        into = row
        for parent in parents:
            into = into.setdefault(parent, {})
        into[name] = value
    return row


def _type_of(schema: pa.Schema, path: str) -> pa.DataType:
    first, *rest = path.split(".")
    if first not in schema.names:
        raise ValueError(f"expected a column of {schema.names}, got {first!r}")
    type_ = schema.field(first).type
    for name in rest:
        if not pa.types.is_struct(type_) or type_.get_field_index(name) < 0:
            raise ValueError(f"expected {path!r} to be a field of {type_}")
        type_ = type_.field(name).type
    return type_


def _reader(type_: pa.DataType) -> Callable[[str], Any]:
    if pa.types.is_timestamp(type_):
        return read_time
    if pa.types.is_floating(type_):
        return float
    if pa.types.is_integer(type_):
        return int
    if pa.types.is_boolean(type_):
        return _boolean
    if pa.types.is_list(type_):
        item = _reader(type_.value_type)
        return lambda cell: [] if cell == "[]" else [item(part.strip()) for part in cell.split(",")]
    if pa.types.is_map(type_):
        item = _reader(type_.item_type)
        return lambda cell: [
            (name.strip(), item(value)) for name, _, value in (p.partition("=") for p in cell.split(","))
        ]
    if pa.types.is_string(type_):
        return str
    raise ValueError(f"cannot read {type_} from a cell; name its fields with dots")


def _boolean(cell: str) -> bool:
    if cell not in ("true", "false"):
        raise ValueError(cell)
    return cell == "true"


def _with_envelope(topic: Topic, number: int, row: dict[str, Any]) -> dict[str, Any]:
    row.setdefault("device_id", "d1")
    row.setdefault(topic.event_time, MIDNIGHT + timedelta(seconds=number))
    row.setdefault("event_id", f"e{number}")
    row.setdefault("received_at", row[topic.event_time])
    row.setdefault("origin", {"topic": topic.name, "partition": 0, "offset": number})
    if "hubbub" in topic.schema.names:
        hubbub = row.setdefault("hubbub", {})
        source = {"topic": topic.name.removesuffix(".enriched"), "partition": 0, "offset": number}
        hubbub["input"] = {"event_id": row["event_id"]} | source | hubbub.get("input", {})
    return row


def _add_progress(filled: list[dict[str, Any]], event_time: str, lateness_s: float) -> None:
    highest: datetime | None = None
    for row in filled:
        row["watermark"] = None if highest is None else highest - timedelta(seconds=lateness_s)
        highest = row[event_time] if highest is None else max(highest, row[event_time])
