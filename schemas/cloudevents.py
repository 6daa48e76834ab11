"""CloudEvents out: the headers of an event in Kafka's binary mode. What comes in is read by envelope.py.

Source: CloudEvents 1.0.2, Kafka protocol binding, section 3.2; distributed tracing extension.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from schemas.envelope import EVENT_ID_HEADER, ORIGIN_HEADER
from schemas.record import Headers
from schemas.rows_to_json import times_as_text
from schemas.sequence import SEQUENCE_HEADER
from schemas.topic import TIMESTAMP, Topic

# `ce_source` of what a pipeline writes: this, then its name.
PIPELINE_SOURCE: Final = b"/hubbub/pipelines/"


def headers(topic: Topic, pipeline: str, batch: pa.RecordBatch, *, with_origin: bool = False) -> list[Headers]:
    """Return the headers of each row that `pipeline` writes to `topic`.

    Reads `event_id` and the topic's event time, and where they are there `device_id` (the subject), `traceparent` and
    `tracestate`, which go on as they came, under W3C's names and CloudEvents': they say what the event began with.
    A text column `_sequence` says which place the row has in the order of its feed; compacted topics carry none.
    `with_origin` also writes where the row first lay (`origin`), for rows that are re-keyed or exported.
    """
    constant: Headers = (
        ("ce_specversion", b"1.0"),
        ("ce_source", PIPELINE_SOURCE + pipeline.encode()),
        ("ce_type", topic.event_type.encode()),
        ("ce_dataschema", topic.dataschema.encode()),
        ("content-type", b"application/json"),
    )
    ids, times = _utf8(batch, "event_id"), _utf8(batch, topic.event_time)
    if ids.null_count or times.null_count:
        raise ValueError(f"topic {topic.name}: expected event_id and {topic.event_time} in each row, got a null")
    traces = {name: _utf8(batch, name) for name in ("traceparent", "tracestate")}
    columns = {
        "ce_id": ids,
        "ce_time": times,
        EVENT_ID_HEADER: ids,
        "ce_subject": _utf8(batch, "device_id"),
        **{prefix + name: column for name, column in traces.items() for prefix in ("", "ce_")},
        SEQUENCE_HEADER: pa.nulls(batch.num_rows) if topic.compacted else _utf8(batch, "_sequence"),
        ORIGIN_HEADER: _places(batch) if with_origin else pa.nulls(batch.num_rows),
    }
    some = {name: column for name, column in columns.items() if column.null_count < len(column)}
    pairs = [
        [None if value is None else (name, value) for value in column.to_pylist()] for name, column in some.items()
    ]
    if any(column.null_count for column in some.values()):
        return [(*constant, *filter(None, row)) for row in zip(*pairs, strict=True)]
    return [constant + row for row in zip(*pairs, strict=True)]


def _utf8(batch: pa.RecordBatch, name: str) -> pa.Array:
    """Return a text or time column as bytes, nulls where the batch has no such column."""
    if name not in batch.schema.names:
        return pa.nulls(batch.num_rows)
    column = batch.column(name)
    return (times_as_text(column) if column.type == TIMESTAMP else column).view(pa.binary())


def _places(batch: pa.RecordBatch) -> pa.Array:
    """Return `topic/partition/offset` of each row's origin, null where it has none."""
    origin = batch.column("origin")
    return pc.binary_join_element_wise(*(child.cast(pa.string()) for child in origin.flatten()), "/").view(pa.binary())
