"""Events to the rows that a pipeline's operators meet: the columns that a task reads, typed; all others empty."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from pipelines.scoring.stream_time import StreamTime, WrongTime, microseconds_of
from schemas.columns_from_json import read_column, reader_of
from schemas.identity import record_ids
from schemas.refused import Refused
from schemas.severity import severity_of_word
from schemas.topic import ORIGIN, Topic

Event = dict[str, object]


def rows_of(
    topic: Topic, reads: Sequence[str], events: Sequence[Event], numbers: Sequence[int], time: StreamTime
) -> tuple[pa.RecordBatch, list[int], dict[int, Refused]]:
    """Return a batch with the topic's `row_schema`, the event of each of its rows by index, and the refused events.

    `numbers` are the events' lines. A missing device_id is the device "". An event at fault moves no time.
    """
    faults: dict[int, Refused] = {}
    columns = {name: _column(topic, name, events, faults) for name in reads if name != topic.event_time}
    times = _times(events, faults) if topic.event_time in reads else [None] * len(events)
    good = [index for index in range(len(events)) if index not in faults]
    kept = pa.array(good, pa.int64())
    event_time, watermark, late = time.columns([times[index] for index in good])
    lines = [numbers[index] for index in good]
    made = {
        topic.event_time: event_time,
        "event_id": pa.array(record_ids("lines", 0, lines), pa.string()),
        "received_at": event_time,
        "origin": pa.StructArray.from_arrays(
            [
                pa.repeat("lines", len(good)),
                pa.repeat(pa.scalar(0, pa.int32()), len(good)),
                pa.array(lines, pa.int64()),
            ],
            fields=[ORIGIN.field(i) for i in range(3)],
        ),
        "watermark": watermark,
        "late": late,
        **{name: column.take(kept) for name, column in columns.items()},
    }
    schema = topic.row_schema
    arrays = [made[field.name] if field.name in made else _empty(field, len(good)) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema), good, faults


def _column(topic: Topic, name: str, events: Sequence[Event], faults: dict[int, Refused]) -> pa.Array:
    field = topic.schema.field(name)
    values = [event.get(name) for event in events]
    if name == "severity":  # a device's own word will do
        values = [severity_of_word(value) if isinstance(value, str) else value for value in values]
    elif name == "events":  # ids of events may be numbers
        values = [_texts(value) if isinstance(value, list) else value for value in values]
    array, mismatches = read_column(reader_of(field.type), field.type, name, values)
    for index, sentence in mismatches.items():
        faults.setdefault(index, Refused("schema", "SCHEMA", sentence))
    if name == topic.key:
        return array.fill_null("")
    if not field.nullable:
        for index, value in enumerate(values):
            if value is None:
                sentence = f"expected {name}, which is required, got none"
                faults.setdefault(index, Refused("schema", "SCHEMA", sentence))
    return array


def _texts(values: Sequence[object]) -> list[object]:
    return [str(one) if isinstance(one, int) and not isinstance(one, bool) else one for one in values]


def _times(events: Sequence[Event], faults: dict[int, Refused]) -> list[int | None]:
    times: list[int | None] = []
    for index, event in enumerate(events):
        try:
            times.append(microseconds_of(event.get("event_time")))
        except WrongTime as wrong:
            faults.setdefault(index, Refused("schema", "SCHEMA", str(wrong)))
            times.append(None)
    return times


def _empty(field: pa.Field, rows: int) -> pa.Array:
    return pa.nulls(rows, field.type) if field.nullable else pa.repeat(pa.scalar("", field.type), rows)
