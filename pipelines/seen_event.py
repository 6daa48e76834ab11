"""Records as a person or a program looks at them: the event with its id, or why there is none."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice

import orjson
import pyarrow as pa

from infra.broker import TopicPartition
from schemas.catalog import TOPICS
from schemas.envelope import read_envelopes
from schemas.json_codec import JsonCodec
from schemas.record import Record
from schemas.refused import Refused
from schemas.strict_json import parse_json
from schemas.timestamps import format_timestamp
from schemas.topic import TIMESTAMP

_ROWS_AT_ONCE = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """One record. `event` is its JSON, completed by what only its envelope says; None for bytes that are no event.

    `problem` says why a record of a JSON topic is no event; a tombstone has neither event nor problem.
    """

    part: TopicPartition
    record: Record
    event: dict[str, object] | None = None
    problem: str | None = None

    @property
    def arrived(self) -> str:
        """When the broker took it, RFC 3339."""
        return time_text(self.record.timestamp_us)

    def to_json(self) -> bytes:
        """Return it as one line of JSON: the event with its `event_id`, or the record's parts where it is no event."""
        if self.event is not None:
            return orjson.dumps(self.event)
        return orjson.dumps(
            {
                "topic": self.part.topic,
                "partition": self.part.partition,
                "offset": self.record.offset,
                "received_at": self.arrived,
                **_text_or_base64("key", self.record.key),
                **_text_or_base64("value", self.record.value),
                "headers": [_text_or_base64("value", value) | {"name": name} for name, value in self.record.headers],
                **({"problem": self.problem} if self.problem else {}),
            }
        )


def see(records: Iterable[tuple[TopicPartition, Record]]) -> Iterator[SeenEvent]:
    """Decode records of one topic, in their order, some hundred at once."""
    iterator = iter(records)
    while chunk := list(islice(iterator, _ROWS_AT_ONCE)):
        yield from _see_chunk(chunk)


def time_text(time_us: int) -> str:
    """Write microseconds since 1970 as RFC 3339."""
    return format_timestamp(_EPOCH + timedelta(microseconds=time_us))


def _see_chunk(chunk: list[tuple[TopicPartition, Record]]) -> list[SeenEvent]:
    seen: list[SeenEvent | None] = [None] * len(chunk)
    by_topic: dict[str, list[int]] = {}
    for index, (part, _) in enumerate(chunk):
        by_topic.setdefault(part.topic, []).append(index)
    for topic, indices in by_topic.items():
        own = [chunk[index] for index in indices]
        codec = _codec(topic)
        found = _see_any(topic, own) if codec is None else _see_known(codec, topic, own)
        for row, one in found.items():
            seen[indices[row]] = one
    return [one or SeenEvent(*chunk[index]) for index, one in enumerate(seen)]


def _see_known(codec: JsonCodec, topic: str, found: Sequence[tuple[TopicPartition, Record]]) -> dict[int, SeenEvent]:
    """See records of a topic that hubbub knows, as its own readers do; tombstones are left out."""
    parts, records = [part for part, _ in found], [record for _, record in found]
    decoded = codec.decode(topic, [part.partition for part in parts], records)
    names = (codec.topic.key, codec.topic.event_time)
    columns = [_texts(decoded.batch.column(name)) for name in ("event_id", *names)]
    seen = {row: SeenEvent(parts[row], records[row], problem=f"{why.reason}: {why}") for row, why in decoded.refused}
    for row, event_id, *envelope in zip(decoded.rows, *columns, strict=True):
        event = orjson.loads(records[row].value or b"{}")
        # What the value leaves out stands in the record's key, headers or time.
        event.update({name: text for name, text in zip(names, envelope, strict=True) if event.get(name) is None})
        seen[row] = SeenEvent(parts[row], records[row], _with_id(event, event_id))
    return seen


def _see_any(topic: str, found: Sequence[tuple[TopicPartition, Record]]) -> dict[int, SeenEvent]:
    """See records of a user's own topic as events where they are JSON objects; nobody knows what else they may be."""
    if topic in TOPICS:  # raw bytes by declaration
        return {}
    seen = {}
    envelopes = read_envelopes(topic, [part.partition for part, _ in found], [record for _, record in found])
    for row, ((part, record), event_id) in enumerate(zip(found, envelopes.event_ids, strict=True)):
        try:
            event = parse_json(record.value or b"")
        except Refused:
            continue
        if isinstance(event, dict):
            seen[row] = SeenEvent(part, record, _with_id(event, event_id))
    return seen


def _with_id(event: dict[str, object], event_id: str) -> dict[str, object]:
    event.pop("event_id", None)
    event["event_id"] = event_id  # at the end, so that an export that is produced again is the same bytes
    return event


def _texts(column: pa.Array) -> list[str]:
    if column.type == TIMESTAMP:
        return [time_text(value) for value in column.cast(pa.int64()).to_pylist()]
    texts: list[str] = column.to_pylist()
    return texts


@cache
def _codec(topic: str) -> JsonCodec | None:
    known = TOPICS.get(topic)
    return JsonCodec(known) if known is not None and known.content == "json" else None


def _text_or_base64(name: str, value: bytes | None) -> dict[str, str | None]:
    if value is None:
        return {name: None}
    try:
        return {name: value.decode("utf-8")}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value).decode("ascii")}
