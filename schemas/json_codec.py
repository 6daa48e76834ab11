"""The codec of a topic: records to rows and rows to JSON, strictly, and one bad record costs one record.

Decoding never raises on what a record holds: a record that cannot become a row is refused with its reason, and the
engine makes it a dead letter. Unknown fields travel in `extra` and are merged back when encoded, so a producer may add
fields before hubbub knows them; a retyped field is refused as `schema`. Decoding what was encoded gives the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from schemas.closed_values import closed_values
from schemas.columns_from_json import Reader, kind_of, members, read_column, reader_of
from schemas.envelope import Partitions, read_envelopes
from schemas.record import Record
from schemas.refused import Refused
from schemas.rows_to_json import object_texts
from schemas.strict_json import DEFAULT_LIMITS, Limits, parse_json, parse_within, refuse_lost_integers
from schemas.topic import TIMESTAMP, Topic

__all__ = ["Decoded", "JsonCodec", "Limits", "Refused", "parse_json"]

# The one key under which enriched topics hold the answers; nobody else may use it.
ANSWERS: Final = "hubbub"


@dataclass(frozen=True)
class Decoded:
    """Rows of some records. `rows`: for each row, the index of its record; `refused`: index and reason of the others.

    A tombstone of a compacted topic is neither.
    """

    batch: pa.RecordBatch
    rows: list[int]
    refused: list[tuple[int, Refused]]


@dataclass(frozen=True)
class JsonCodec:
    """Decodes and encodes the values of one topic whose content is JSON."""

    topic: Topic
    limits: Limits = DEFAULT_LIMITS
    _readers: dict[str, Reader] = field(init=False, repr=False, compare=False)
    _decoded: pa.Schema = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Prepare one reader a column; ValueError for a topic of raw bytes or a column that JSON cannot carry."""
        if self.topic.content != "json":
            raise ValueError(f"expected a topic whose content is JSON, got {self.topic.name} ({self.topic.content})")
        readers = {column.name: reader_of(column.type, closed_values(column)) for column in self.topic.schema}
        object.__setattr__(self, "_readers", readers)
        object.__setattr__(self, "_decoded", self.topic.decoded_schema)

    def decode(self, part_topic: str, partition: Partitions, records: Sequence[Record]) -> Decoded:
        """Return the rows of records of one partition, in order; or of several, `partition` being each record's.

        `part_topic` is the topic that the records lie in, from which ids are made; it may be another one than the
        codec's where rows were re-keyed through an internal topic.
        """
        refused: dict[int, Refused] = {}
        indices: list[int] = []
        events: list[dict[str, object]] = []
        for index, record in enumerate(records):
            try:
                if record.bomb:
                    raise Refused("bomb", "DECODE", record.bomb)
                if record.value is not None:
                    events.append(_event(parse_within(record.value, self.limits)))
                elif not self.topic.compacted:
                    raise Refused("schema", "SCHEMA", "expected a JSON object, got a tombstone (no value at all)")
                else:
                    continue
            except Refused as refusal:
                refused[index] = refusal
            else:
                indices.append(index)
        chosen = records if len(indices) == len(records) else [records[index] for index in indices]
        if chosen is not records and not isinstance(partition, int):
            partition = [partition[index] for index in indices]
        batch, faults = self._rows(part_topic, partition, chosen, events)
        if faults:
            refused.update({indices[row]: refusal for row, refusal in faults.items()})
            good = [row for row in range(len(indices)) if row not in faults]
            batch = batch.take(pa.array(good, pa.int64()))
            indices = [indices[row] for row in good]
        return Decoded(batch, indices, sorted(refused.items()))

    def encode(self, batch: pa.RecordBatch) -> list[bytes]:
        """Return the JSON value of each row: the topic's columns in their order, then the unknown fields.

        Columns that the topic does not have are ignored, optional ones may be missing. ValueError for a missing or
        null required column: such a row could not be read again.
        """
        columns = {}
        for column in self.topic.schema:
            values = _column_of(batch, column, self.topic.name)
            if values is not None:
                columns[column.name] = values
        rows = object_texts(list(columns), list(columns.values()), batch.num_rows, keep_nulls=(ANSWERS,))
        if "extra" in batch.schema.names and batch.column("extra").null_count < len(rows):
            for row, text in enumerate(batch.column("extra").to_pylist()):
                if text is not None:  # a field that has become a column meanwhile is in its column
                    unknown = {k: v for k, v in orjson.loads(text).items() if k not in self._readers}
                    rows[row] = _with_members(rows[row], orjson.dumps(unknown))
        return rows

    def _rows(
        self, part_topic: str, partition: Partitions, records: Sequence[Record], events: Sequence[dict[str, object]]
    ) -> tuple[pa.RecordBatch, dict[int, Refused]]:
        """Build all columns; rows at fault are in them with nulls, and are named with their reason."""
        envelopes = read_envelopes(part_topic, partition, records, self.topic.dataschema)
        faults = dict(envelopes.refused)
        received_at = pa.array([record.timestamp_us for record in records], pa.int64()).view(TIMESTAMP)
        of = members(events)
        columns: list[pa.Array] = []
        for column in self.topic.schema:
            values = of(column.name) or [None] * len(events)
            if column.name == self.topic.key:
                _take_keys(column.name, values, records, faults)
            if column.name == self.topic.event_time:
                for row, time in enumerate(envelopes.times):
                    if time is not None and values[row] is None:
                        values[row] = time.decode("utf-8")
                columns.append(pc.coalesce(self._column(column, values, faults, optional=True), received_at))
            else:
                columns.append(self._column(column, values, faults, optional=column.nullable))
        columns += [
            pa.array(envelopes.event_ids, pa.string()),
            received_at,
            envelopes.origin(part_topic, partition),
            pa.array(envelopes.traceparents, pa.string()),
            pa.array(envelopes.tracestates, pa.string()),
            self._extra(records, events, faults),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self._decoded), faults

    def _column(
        self, column: pa.Field, values: list[object], faults: dict[int, Refused], *, optional: bool
    ) -> pa.Array:
        """Read one column's values; rows whose value does not fit, or is missing where it must not, become faults."""
        array, mismatches = read_column(self._readers[column.name], column.type, column.name, values)
        for row, sentence in mismatches.items():
            faults.setdefault(row, Refused("schema", "SCHEMA", sentence))
        if not optional and array.null_count:
            for row, value in enumerate(values):
                if value is None:
                    sentence = f"expected {column.name}, which is required, got none"
                    faults.setdefault(row, Refused("schema", "SCHEMA", sentence))
        return array

    def _extra(
        self, records: Sequence[Record], events: Sequence[dict[str, object]], faults: dict[int, Refused]
    ) -> pa.Array:
        """Return each event's unknown fields as one JSON object in a text, null where there are none."""
        known = self._readers.keys()
        if known >= set(chain.from_iterable(events)):
            return pa.nulls(len(events), pa.string())
        found: list[str | None] = [None] * len(events)
        for row, event in enumerate(events):
            if event.keys() <= known:
                continue
            unknown = {name: value for name, value in event.items() if name not in known}
            try:
                if ANSWERS in unknown:
                    raise Refused(
                        "schema",
                        "SCHEMA",
                        f"expected no field `{ANSWERS}`, which is reserved for what hubbub adds, got one",
                    )
                refuse_lost_integers(unknown, records[row].value or b"", unknown.keys())
            except Refused as refusal:
                faults.setdefault(row, refusal)
                continue
            found[row] = orjson.dumps(unknown).decode("utf-8")
        return pa.array(found, pa.string())


def _event(parsed: object) -> dict[str, object]:
    if type(parsed) is dict:
        return parsed
    raise Refused("schema", "SCHEMA", f"expected a JSON object, got {kind_of(parsed)}")


def _with_members(one: bytes, other: bytes) -> bytes:
    """Return the text of an object with the members of another one behind its own."""
    return one if other == b"{}" else other if one == b"{}" else one[:-1] + b"," + other[1:]


def _take_keys(name: str, values: list[object], records: Sequence[Record], faults: dict[int, Refused]) -> None:
    """Fill missing values of the key column from the records' keys; a key that says another thing is a fault."""
    for row, record in enumerate(records):
        if record.key is None:
            continue
        try:
            key = record.key.decode("utf-8")
        except UnicodeDecodeError:
            faults.setdefault(row, Refused("bad_utf8", "KEY", "expected a record key in UTF-8, got other bytes"))
            continue
        value = values[row]
        if value is None:
            values[row] = key
        elif value != key and isinstance(value, str):
            sentence = f"expected the record's key and {name} to be the same, got two different texts"
            faults.setdefault(row, Refused("schema", "KEY", sentence))


def _column_of(batch: pa.RecordBatch, column: pa.Field, topic: str) -> pa.Array | None:
    """Return the batch's column of this name with the declared type; None for an optional one that it does not have."""
    if column.name not in batch.schema.names:
        if column.nullable:
            return None
        raise ValueError(
            f"topic {topic}: expected the required column {column.name!r}, got {', '.join(batch.schema.names)}"
        )
    array = batch.column(column.name)
    if not column.nullable and array.null_count:
        raise ValueError(
            f"topic {topic}: expected a value in each row of {column.name!r}, got {array.null_count} nulls"
        )
    return array if array.type == column.type else array.cast(column.type)
