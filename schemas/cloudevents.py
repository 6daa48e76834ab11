"""CloudEvents out: the headers of an event in Kafka's binary mode. What comes in is read by envelope.py.

Source: CloudEvents 1.0.2, Kafka protocol binding, section 3.2; distributed tracing extension.
"""

from __future__ import annotations

import pyarrow as pa

from schemas.envelope import EVENT_ID_HEADER, ORIGIN_HEADER
from schemas.record import Headers
from schemas.rows_to_json import json_values
from schemas.topic import Topic


def headers(topic: Topic, pipeline: str, batch: pa.RecordBatch, *, with_origin: bool = False) -> list[Headers]:
    """Return the headers of each row that `pipeline` writes to `topic`.

    Reads `event_id` and the topic's event time, and where they are there `device_id` (the subject) and `traceparent`.
    `with_origin` also writes where the row first lay (`origin`), for rows that are re-keyed or exported.
    """
    rows = batch.num_rows
    constant: Headers = (
        ("ce_specversion", b"1.0"),
        ("ce_source", f"/hubbub/pipelines/{pipeline}".encode()),
        ("ce_type", topic.event_type.encode()),
        ("ce_dataschema", topic.dataschema.encode()),
        ("content-type", b"application/json"),
    )
    ids, times = _bytes(batch, "event_id"), _bytes(batch, topic.event_time)
    subjects, traces = _bytes(batch, "device_id"), _bytes(batch, "traceparent")
    places = _places(batch) if with_origin else [None] * rows
    found: list[Headers] = []
    for event_id, time, subject, trace, place in zip(ids, times, subjects, traces, places, strict=True):
        if event_id is None or time is None:
            raise ValueError(f"topic {topic.name}: expected event_id and {topic.event_time} in each row, got a null")
        one = [*constant, ("ce_id", event_id), ("ce_time", time), (EVENT_ID_HEADER, event_id)]
        if subject is not None:
            one.append(("ce_subject", subject))
        if trace is not None:
            one.append(("traceparent", trace))
        if place is not None:
            one.append((ORIGIN_HEADER, place))
        found.append(tuple(one))
    return found


def _bytes(batch: pa.RecordBatch, name: str) -> list[bytes | None]:
    """Return a text or time column as UTF-8, all None where the batch has no such column."""
    if name not in batch.schema.names:
        return [None] * batch.num_rows
    return [None if value is None else str(value).encode() for value in json_values(batch.column(name))]


def _places(batch: pa.RecordBatch) -> list[bytes | None]:
    return [
        None if one is None else f"{one['topic']}/{one['partition']}/{one['offset']}".encode()
        for one in batch.column("origin").to_pylist()
    ]
