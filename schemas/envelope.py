"""The envelope of a record: what an event's row says about where it came from, taken from headers or from its place.

Reads CloudEvents 1.0 in Kafka's binary mode: attributes in `ce_*` headers, the value is the event itself. A record
without headers has an envelope too, and always the same one: its id is made from its place.
Source: CloudEvents 1.0.2, Kafka protocol binding, section 3.2, and distributed tracing extension; W3C Trace Context,
sections 3.2 and 3.3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, TypeAlias

import pyarrow as pa

from schemas.identity import cloud_event_id, record_ids
from schemas.record import Headers, Record
from schemas.refused import Refused
from schemas.topic import ORIGIN

# Our own extension attributes: the id and the place that an event got when it first came in.
EVENT_ID_HEADER: Final = "ce_hubbubid"
ORIGIN_HEADER: Final = "ce_hubbuborigin"

MOST_TRACESTATE_BYTES: Final = 512

_HEX: Final = b"0123456789abcdef"

# Of the records of one partition its number; of those of several, one behind the other, each record's.
Partitions: TypeAlias = int | Sequence[int]


@dataclass(frozen=True)
class Envelopes:
    """The envelopes of some records, column by column; `refused` by row, whose values in the columns mean nothing."""

    event_ids: list[str]
    offsets: list[int]
    traceparents: list[str | None]
    tracestates: list[str | None]
    times: Sequence[bytes | None]  # ce_time as it was written
    # Where rows first lay that came from elsewhere: topic, partition, offset.
    moved: Mapping[int, tuple[str, int, int]] = field(default_factory=dict)
    refused: Mapping[int, Refused] = field(default_factory=dict)

    def origin(self, topic: str, partition: Partitions) -> pa.Array:
        """Return the column `origin`."""
        numbers = _of_each(partition, len(self.offsets))
        columns = [
            pa.repeat(pa.scalar(topic, pa.string()), len(self.offsets)),
            pa.array(numbers, pa.int32()),
            pa.array(self.offsets, pa.int64()),
        ]
        fields = [ORIGIN.field(i) for i in range(3)]
        if self.moved:
            here = zip(numbers, self.offsets, strict=True)
            places = [self.moved.get(row, (topic, *place)) for row, place in enumerate(here)]
            columns = [
                pa.array(column, one.type) for column, one in zip(zip(*places, strict=True), fields, strict=True)
            ]
        return pa.StructArray.from_arrays(columns, fields=fields)


def read_envelopes(
    topic: str, partition: Partitions, records: Sequence[Record], dataschema: str | None = None
) -> Envelopes:
    """Read the envelopes of records of one partition, or of several of a topic.

    With `dataschema` (`hubbub:<topic>:<major>`) records that say they are of another major of it are refused: what a
    field means may have changed. A schema of somebody else's says nothing about ours.
    """
    rows = len(records)
    offsets = [record.offset for record in records]
    if not any(record.headers for record in records):
        ids = _ids_by_place(topic, partition, offsets)
        return Envelopes(ids, offsets, [None] * rows, [None] * rows, [None] * rows)
    headers = [record.headers for record in records]
    of = _by_name(headers)
    refused = _refusals(headers, of("content-type"))
    if dataschema is not None:
        refused |= _other_majors(of("ce_dataschema"), dataschema)
    if refused:
        of = _by_name([() if row in refused else one for row, one in enumerate(headers)])
    traceparents, tracestates = _traces(of)
    return Envelopes(
        _event_ids(topic, partition, offsets, of),
        offsets,
        traceparents,
        tracestates,
        of("ce_time"),
        {row: place for row, text in enumerate(of(ORIGIN_HEADER)) if text and (place := _place(text))},
        refused,
    )


def _by_name(headers: Sequence[Headers]) -> Callable[[str], list[bytes | None]]:
    """Return a function that gives, for a name, each record's header of that name: the last one, None for none.

    Records of one producer mostly have the same headers in the same order; then all are taken apart in one go.
    """
    names = [name for name, _ in headers[0]]
    alike = set(map(len, headers)) == {len(names)}
    if not alike or [name for one in headers for name, _ in one] != names * len(headers):
        found = [dict(one) for one in headers]
        return lambda name: [one.get(name) for one in found]
    values: list[bytes | None] = [value for one in headers for _, value in one]
    places = {name: place for place, name in enumerate(names)}
    nothing: list[bytes | None] = [None] * len(headers)
    return lambda name: values[places[name] :: len(names)] if name in places else nothing


def _refusals(headers: Sequence[Headers], content_types: Sequence[bytes | None]) -> dict[int, Refused]:
    """Return by row the refusals of records whose headers are of a foreign mode or encoding."""
    # Nearly always there is nothing to refuse, and all headers together show it.
    plain = b"".join([value for one in headers for _, value in one]).isascii()
    if plain and not any(map(_is_structured, set(content_types))):
        return {}
    found = {row: _refusal(dict(one)) for row, one in enumerate(headers)}
    return {row: refusal for row, refusal in found.items() if refusal is not None}


def _refusal(headers: Mapping[str, bytes]) -> Refused | None:
    for name, value in headers.items():
        if name.startswith("ce_"):
            try:
                value.decode("utf-8")
            except UnicodeDecodeError:
                return Refused("bad_utf8", "DECODE", f"expected UTF-8 in the header {name[:40]!a}, got other bytes")
    if _is_structured(headers.get("content-type")):
        return Refused(
            "schema",
            "DECODE",
            "expected the event itself as the value and its CloudEvents attributes in ce_ headers (binary mode), "
            "got CloudEvents' structured or batch mode",
        )
    return None


def _other_majors(said: Sequence[bytes | None], dataschema: str) -> dict[int, Refused]:
    own = dataschema.encode()
    family = own[: own.rindex(b":") + 1]
    others = {one for one in set(said) if one is not None and one != own and one.startswith(family)}
    if not others:
        return {}
    return {
        row: Refused(
            "schema", "SCHEMA", f"expected an event of {dataschema}, got one of {one[:80].decode('utf-8', 'replace')}"
        )
        for row, one in enumerate(said)
        if one in others and one is not None
    }


def _is_structured(content_type: bytes | None) -> bool:
    return content_type is not None and content_type.strip().lower().startswith(b"application/cloudevents")


def _of_each(partition: Partitions, rows: int) -> Sequence[int]:
    return [partition] * rows if isinstance(partition, int) else partition


def _ids_by_place(topic: str, partition: Partitions, offsets: Sequence[int]) -> list[str]:
    if isinstance(partition, int):
        return record_ids(topic, partition, offsets)
    ids: list[str] = []
    for number, run in groupby(zip(partition, offsets, strict=True), key=lambda place: place[0]):
        ids += record_ids(topic, number, [offset for _, offset in run])
    return ids


def _event_ids(
    topic: str, partition: Partitions, offsets: Sequence[int], of: Callable[[str], list[bytes | None]]
) -> list[str]:
    """Return the ids that events brought along, else those that CloudEvents' names or their places give them."""
    ids = [
        one.decode("ascii") if one and len(one) == 32 and not one.translate(None, _HEX) else ""
        for one in of(EVENT_ID_HEADER)
    ]
    if not all(ids):
        by_place = _ids_by_place(topic, partition, offsets)
        for row, (source, event) in enumerate(zip(of("ce_source"), of("ce_id"), strict=True)):
            if ids[row]:
                continue
            if source and event:
                ids[row] = cloud_event_id(source.decode("utf-8"), event.decode("utf-8"))
            else:
                ids[row] = by_place[row]
    return ids


def traceparent_of(headers: Headers) -> str | None:
    """Return the trace context that a record's headers carry; None without one, or where it has another form."""
    found = dict(headers)
    return _traceparent(found.get("traceparent") or found.get("ce_traceparent"))


def _traces(of: Callable[[str], list[bytes | None]]) -> tuple[list[str | None], list[str | None]]:
    """Return each record's trace context and its state: a pair of headers that stands alone, or CloudEvents' own."""
    pairs = zip(of("traceparent"), of("tracestate"), of("ce_traceparent"), of("ce_tracestate"), strict=True)
    contexts: list[str | None] = []
    states: list[str | None] = []
    for parent, state, its_parent, its_state in pairs:
        context = _traceparent(parent or its_parent)
        contexts.append(context)
        states.append(None if context is None else _tracestate(state if parent else its_state))
    return contexts, states


def _tracestate(text: bytes | None) -> str | None:
    """Return what vendors say beside a trace context: printable ASCII, not more than W3C asks everybody to carry."""
    if not text or len(text) > MOST_TRACESTATE_BYTES or not text.isascii():
        return None
    state = text.decode("ascii")
    return state if state.isprintable() else None


def _traceparent(text: bytes | None) -> str | None:
    """Return the trace context where it has W3C's form: version, trace, span and flags in lower hex, none all zero."""
    if text is None or len(text) != 55 or text.translate(None, _HEX) != b"---":
        return None
    if not text[2] == text[35] == text[52] == ord("-") or text.startswith(b"ff"):
        return None
    return text.decode("ascii") if text[3:35].strip(b"0") and text[36:52].strip(b"0") else None


def _place(text: bytes) -> tuple[str, int, int] | None:
    """Read `topic/partition/offset`."""
    topic, _, rest = text.decode("utf-8").partition("/")
    partition, _, offset = rest.partition("/")
    if not topic or not (_is_number(partition, 9) and _is_number(offset, 18)):
        return None
    return topic, int(partition), int(offset)


def _is_number(text: str, digits: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= digits
