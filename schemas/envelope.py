"""The envelope of a record: what an event's row says about where it came from, taken from headers or from its place.

Reads CloudEvents 1.0 in Kafka's binary mode: attributes in `ce_*` headers, the value is the event itself. A record
without headers has an envelope too, and always the same one: its id is made from its place.
Source: CloudEvents 1.0.2, Kafka protocol binding, section 3.2; W3C Trace Context, section 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from schemas.identity import cloud_event_id, record_ids
from schemas.record import Headers, Record
from schemas.refused import Refused
from schemas.topic import ORIGIN

# Our own extension attributes: the id and the place that an event got when it first came in.
EVENT_ID_HEADER: Final = "ce_hubbubid"
ORIGIN_HEADER: Final = "ce_hubbuborigin"

_HEX: Final = b"0123456789abcdef"


@dataclass(frozen=True)
class Envelopes:
    """The envelopes of some records, column by column; `refused` by row, whose values in the columns mean nothing."""

    event_ids: list[str]
    topics: list[str] | None  # None: all as the records lie
    partitions: list[int] | None
    offsets: list[int]
    traceparents: list[str | None]
    times: dict[int, str] = field(default_factory=dict)  # ce_time by row, as it was written
    refused: dict[int, Refused] = field(default_factory=dict)

    def origin(self, topic: str, partition: int) -> pa.Array:
        """Return the column `origin`."""
        rows = len(self.offsets)
        topics = pa.repeat(topic, rows) if self.topics is None else pa.array(self.topics, pa.string())
        partitions = (
            pa.repeat(pa.scalar(partition, pa.int32()), rows)
            if self.partitions is None
            else pa.array(self.partitions, pa.int32())
        )
        return pa.StructArray.from_arrays(
            [topics, partitions, pa.array(self.offsets, pa.int64())], fields=[ORIGIN.field(i) for i in range(3)]
        )


def read_envelopes(topic: str, partition: int, records: Sequence[Record]) -> Envelopes:
    """Read the envelopes of records of one partition."""
    rows = len(records)
    offsets = [record.offset for record in records]
    if not any(record.headers for record in records):
        return Envelopes(record_ids(topic, partition, offsets), None, None, offsets, [None] * rows)
    event_ids, nameless = [""] * rows, []
    topics, partitions = [topic] * rows, [partition] * rows
    traceparents: list[str | None] = [None] * rows
    times: dict[int, str] = {}
    refused: dict[int, Refused] = {}
    for row, record in enumerate(records):
        try:
            headers = _checked(record.headers)
        except Refused as refusal:
            refused[row] = refusal
            continue
        event_id = _event_id(headers)
        if event_id is None:
            nameless.append(row)
        else:
            event_ids[row] = event_id
        traceparents[row] = _traceparent(headers)
        if "ce_time" in headers:
            times[row] = headers["ce_time"].decode("utf-8")
        if ORIGIN_HEADER in headers and (place := _place(headers[ORIGIN_HEADER].decode("utf-8"))) is not None:
            topics[row], partitions[row], offsets[row] = place
    for row, event_id in zip(
        nameless, record_ids(topic, partition, (records[r].offset for r in nameless)), strict=True
    ):
        event_ids[row] = event_id
    return Envelopes(event_ids, topics, partitions, offsets, traceparents, times, refused)


def _checked(headers: Headers) -> Mapping[str, bytes]:
    """Return the headers by name (of one said twice the last holds); Refused for a foreign mode or encoding."""
    found = dict(headers)
    if not b"".join(found.values()).isascii():
        for name, value in found.items():
            if name.startswith("ce_"):
                try:
                    value.decode("utf-8")
                except UnicodeDecodeError:
                    message = f"expected UTF-8 in the header {name[:40]!a}, got other bytes"
                    raise Refused("bad_utf8", "DECODE", message) from None
    if found.get("content-type", b"").strip().lower().startswith(b"application/cloudevents"):
        raise Refused(
            "schema",
            "DECODE",
            "expected the event itself as the value and its CloudEvents attributes in ce_ headers (binary mode), "
            "got CloudEvents' structured or batch mode",
        )
    return found


def _event_id(headers: Mapping[str, bytes]) -> str | None:
    own = headers.get(EVENT_ID_HEADER, b"")
    if len(own) == 32 and not own.translate(None, _HEX):
        return own.decode("ascii")
    source, event = headers.get("ce_source"), headers.get("ce_id")
    return cloud_event_id(source.decode("utf-8"), event.decode("utf-8")) if source and event else None


def _traceparent(headers: Mapping[str, bytes]) -> str | None:
    """Return the trace context where it has W3C's form: version, trace, span and flags in lower hex, none all zero."""
    text = headers.get("traceparent") or headers.get("ce_traceparent")
    if text is None or len(text) != 55 or text.translate(None, _HEX) != b"---":
        return None
    if not text[2] == text[35] == text[52] == ord("-") or text.startswith(b"ff"):
        return None
    return text.decode("ascii") if text[3:35].strip(b"0") and text[36:52].strip(b"0") else None


def _place(text: str) -> tuple[str, int, int] | None:
    """Read `topic/partition/offset`."""
    topic, _, rest = text.partition("/")
    partition, _, offset = rest.partition("/")
    if not topic or not (_is_number(partition, 9) and _is_number(offset, 18)):
        return None
    return topic, int(partition), int(offset)


def _is_number(text: str, digits: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= digits
