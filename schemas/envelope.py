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
from schemas.record import Record
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
    offsets = [record.offset for record in records]
    event_ids = record_ids(topic, partition, offsets)
    if not any(record.headers for record in records):
        return Envelopes(event_ids, None, None, offsets, [None] * len(records))
    topics, partitions = [topic] * len(records), [partition] * len(records)
    traceparents: list[str | None] = [None] * len(records)
    times: dict[int, str] = {}
    refused: dict[int, Refused] = {}
    for row, record in enumerate(records):
        if not record.headers:
            continue
        try:
            attributes = _attributes(record)
        except Refused as refusal:
            refused[row] = refusal
            continue
        event_ids[row] = _event_id(attributes) or event_ids[row]
        traceparents[row] = _traceparent(attributes)
        if (time := attributes.get("ce_time")) is not None:
            times[row] = time
        if (place := _place(attributes.get(ORIGIN_HEADER, ""))) is not None:
            topics[row], partitions[row], offsets[row] = place
    return Envelopes(event_ids, topics, partitions, offsets, traceparents, times, refused)


def _attributes(record: Record) -> Mapping[str, str]:
    """Return the headers that the envelope is read from, as text; Refused for a foreign mode or encoding."""
    attributes: dict[str, str] = {}
    for name, value in record.headers:
        if name.startswith("ce_"):
            try:
                attributes[name] = value.decode("utf-8")
            except UnicodeDecodeError:
                raise Refused("bad_utf8", "DECODE", f"expected UTF-8 in the header {name[:40]!a}") from None
        elif name in ("traceparent", "content-type"):
            attributes[name] = value.decode("utf-8", errors="replace")
    if attributes.get("content-type", "").strip().lower().startswith("application/cloudevents"):
        raise Refused(
            "schema",
            "DECODE",
            "expected the event itself as the value and its CloudEvents attributes in ce_ headers (binary mode), "
            "got CloudEvents' structured or batch mode",
        )
    return attributes


def _event_id(attributes: Mapping[str, str]) -> str | None:
    own = attributes.get(EVENT_ID_HEADER, "").encode("utf-8")
    if len(own) == 32 and not own.translate(None, _HEX):
        return own.decode("ascii")
    source, event = attributes.get("ce_source"), attributes.get("ce_id")
    return cloud_event_id(source, event) if source and event else None


def _traceparent(attributes: Mapping[str, str]) -> str | None:
    """Return the trace context where it has W3C's form: version, trace, span and flags in lower hex, none all zero."""
    text = attributes.get("traceparent") or attributes.get("ce_traceparent", "")
    parts = text.split("-")
    if [len(part) for part in parts] != [2, 32, 16, 2] or text.encode("utf-8").translate(None, _HEX) != b"---":
        return None
    version, trace, span, _ = parts
    return None if version == "ff" or not trace.strip("0") or not span.strip("0") else text


def _place(text: str) -> tuple[str, int, int] | None:
    """Read `topic/partition/offset`."""
    topic, _, rest = text.partition("/")
    partition, _, offset = rest.partition("/")
    if not topic or not (_is_number(partition, 9) and _is_number(offset, 18)):
        return None
    return topic, int(partition), int(offset)


def _is_number(text: str, digits: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= digits
