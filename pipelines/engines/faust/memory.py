"""What a Faust worker remembers of one partition, and how it stands in the table's changelog.

One step of work is one Kafka record batch in the changelog: the memory that changed, and last the place behind the
step. Kafka writes a record batch as a whole or not at all, so memory and place never come apart, and each row says
which step it is of (its *version*: next offset and last tick, or a merge's frontier). Reading back keeps the highest
version, not the last: a process that was stopped and went on (a zombie) may have written last.

A step whose memory does not fit into one batch is written in several, the place last; its rows then are records of
another kind, which count only when the place has come.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from infra.broker import Attempt, Offset, StateRow, Stream, TopicPartition
from pipelines.engines.place import place_of

Version = tuple[int, int]
NOTHING: Version = (-1, -1)
# What a record costs in a batch beside its key and value, at most.
RECORD_BYTES = 40

# What a record of the changelog is: its key is [kind, stream, key].
_ROW, _PLACE, _ATTEMPT, _TICKS, _SPLIT = 0, 1, 2, 3, 4

_encode = msgspec.msgpack.Encoder().encode
_decode_key = msgspec.msgpack.Decoder(tuple[int, str, str]).decode
_decode_row = msgspec.msgpack.Decoder(tuple[int, int, bytes | None, int | None, int | None]).decode
_decode_place = msgspec.msgpack.Decoder(tuple[int, int, list[tuple[str, int, int, str]]]).decode
_decode_ticks = msgspec.msgpack.Decoder(tuple[int, int, list[tuple[str, int, int, int]]]).decode
_decode_attempt = msgspec.msgpack.Decoder(tuple[int, int, int]).decode

KeyValue = tuple[bytes, bytes | None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stream stands: its parts' offsets with the reader's notes."""

    version: Version
    offsets: Mapping[TopicPartition, Offset]


@dataclass(frozen=True, slots=True)
class Ticks:
    """Ticks that were decided at a place, and whose step is perhaps not done: (offset, watermark) by partition."""

    version: Version
    by_part: Mapping[TopicPartition, tuple[int, int]]


@dataclass(slots=True)
class _Row:
    version: Version
    value: bytes
    deadline_us: int | None
    expires_us: int | None


@dataclass(slots=True)
class StreamMemory:
    """The memory of one stream: rows by key, the place, and the attempt and the ticks that are under way."""

    rows: dict[str, _Row] = field(default_factory=dict)
    place: Place | None = None
    attempt: Attempt | None = None
    ticks: Ticks | None = None
    # Rows of steps that were written in several batches, as they lie in the changelog.
    split: dict[str, tuple[StateRow, Version]] = field(default_factory=dict)
    # (time, key), with entries that no longer hold: they are dropped when they come up.
    _deadlines: list[tuple[int, str]] = field(default_factory=list)
    _expiries: list[tuple[int, str]] = field(default_factory=list)

    @property
    def version(self) -> Version:
        """How far the stream has come."""
        return NOTHING if self.place is None else self.place.version

    def due(self, watermark_us: int) -> list[tuple[str, bytes]]:
        """Return (key, memory) of the keys whose deadline has come, by (deadline, key)."""
        found = _up_to(self._deadlines, watermark_us, self._deadline)
        return [(key, self.rows[key].value) for _, key in found]

    def next_deadline(self) -> int | None:
        """Return the earliest deadline."""
        while self._deadlines:
            time_us, key = self._deadlines[0]
            if self._deadline(key) == time_us:
                return time_us
            heapq.heappop(self._deadlines)
        return None

    def expired(self, watermark_us: int) -> list[str]:
        """Return the keys whose memory may be dropped."""
        return [key for _, key in _up_to(self._expiries, watermark_us, self._expiry)]

    def put(self, row: StateRow, version: Version) -> None:
        """Take a row of a step, unless a later step's is here."""
        known = self.rows.get(row.key)
        if known is not None and known.version > version:
            return
        if row.value is None:
            self.rows.pop(row.key, None)
            return
        self.rows[row.key] = _Row(version, row.value, row.deadline_us, row.expires_us)
        if row.deadline_us is not None:
            heapq.heappush(self._deadlines, (row.deadline_us, row.key))
        if row.expires_us is not None:
            heapq.heappush(self._expiries, (row.expires_us, row.key))

    def settle(self) -> None:
        """Take the rows of split steps whose place has come; the others never were."""
        for row, version in self.split.values():
            if version <= self.version:
                self.put(row, version)

    def take(self, rows: Sequence[StateRow], place: Place, *, split: bool) -> None:
        """Take a step that is written."""
        for row in rows:
            self.put(row, place.version)
            self.split.pop(row.key, None)
        if split:
            self.split |= {row.key: (row, place.version) for row in rows}
        self.place, self.attempt, self.ticks = place, None, None

    def _deadline(self, key: str) -> int | None:
        row = self.rows.get(key)
        return None if row is None else row.deadline_us

    def _expiry(self, key: str) -> int | None:
        row = self.rows.get(key)
        return None if row is None else row.expires_us


class PartitionMemory:
    """The memory of all streams of one partition number, as the changelog's partition of that number holds it."""

    def __init__(self) -> None:
        self.streams: dict[str, StreamMemory] = {}

    def stream(self, name: str) -> StreamMemory:
        """Return a stream's memory, empty at first."""
        return self.streams.setdefault(name, StreamMemory())

    def apply(self, key: bytes, value: bytes | None) -> None:
        """Take one record of the changelog."""
        kind, name, inner = _decode_key(key)
        memory = self.stream(name)
        if kind == _ROW:
            if value is None:
                memory.rows.pop(inner, None)
                return
            memory.put(*_row_of(inner, value))
        elif kind == _SPLIT:
            memory.split.pop(inner, None)
            if value is not None:
                memory.split[inner] = _row_of(inner, value)
        elif kind == _PLACE and value is not None:
            offset, tick, offsets = _decode_place(value)
            if memory.place is None or memory.place.version <= (offset, tick):
                places = {TopicPartition(t, p): Offset(at, note) for t, p, at, note in offsets}
                memory.place = Place((offset, tick), places)
        elif kind == _TICKS:
            if value is None:
                memory.ticks = None
                return
            offset, tick, found = _decode_ticks(value)
            memory.ticks = Ticks((offset, tick), {TopicPartition(t, p): (at, us) for t, p, at, us in found})
        elif kind == _ATTEMPT:
            memory.attempt = None if value is None else Attempt(*_decode_attempt(value))


def version_of(offsets: Mapping[TopicPartition, Offset]) -> Version:
    """Return how far a step came, in a form that grows with each step of a stream."""
    places = [(*place_of(offset, 0), offset) for offset in offsets.values()]
    frontiers = [frontier_us for _, frontier_us, _ in places if frontier_us is not None]
    if frontiers:  # of a merge, whose every step releases more
        return max(-1, *frontiers), sum(offset.next_offset for _, _, offset in places)
    ((place, _, offset),) = places
    return offset.next_offset, -1 if place.floor_us is None else place.floor_us


def step_records(
    stream: Stream, memory: StreamMemory, rows: Sequence[StateRow], place: Place, most_bytes: int
) -> tuple[list[KeyValue], bool]:
    """Return the changelog's records of a step: its rows, and last its place; and whether the step is split.

    More than `most_bytes` is no batch, so it must be. A forgotten key is a tombstone.
    """
    version = place.version
    last = [_place_record(stream, place)]
    found = [
        (_key(_ROW, stream, row.key), None if row.value is None else _encode((*version, *_state(row)))) for row in rows
    ]
    # A row of an earlier split step must not come back.
    over = [(_key(_SPLIT, stream, row.key), None) for row in rows if row.key in memory.split]
    if sum(len(key) + len(value or b"") + RECORD_BYTES for key, value in [*found, *over, *last]) <= most_bytes:
        return [*found, *over, *last], False
    return [*((_key(_SPLIT, stream, row.key), _encode((*version, *_state(row)))) for row in rows), *last], True


def ticks_record(stream: Stream, ticks: Ticks | None) -> KeyValue:
    """Return the changelog's record of ticks that are decided, or of their end."""
    value = None
    if ticks is not None:
        found = [(part.topic, part.partition, *tick) for part, tick in ticks.by_part.items()]
        value = _encode((*ticks.version, found))
    return _key(_TICKS, stream), value


def attempt_record(stream: Stream, attempt: Attempt | None) -> KeyValue:
    """Return the changelog's record of an attempt, or of its end."""
    value = None if attempt is None else _encode((attempt.offset, attempt.until, attempt.deaths))
    return _key(_ATTEMPT, stream), value


def _place_record(stream: Stream, place: Place) -> KeyValue:
    offsets = [(part.topic, part.partition, at.next_offset, at.note) for part, at in place.offsets.items()]
    return _key(_PLACE, stream), _encode((*place.version, offsets))


def _key(kind: int, stream: Stream, key: str = "") -> bytes:
    return _encode((kind, stream.name, key))


def _state(row: StateRow) -> tuple[bytes | None, int | None, int | None]:
    return row.value, row.deadline_us, row.expires_us


def _up_to(heap: list[tuple[int, str]], limit_us: int, current: Callable[[str], int | None]) -> list[tuple[int, str]]:
    """Return the entries up to a time that still hold, in order; they stay in the heap, the others do not."""
    found: list[tuple[int, str]] = []
    while heap and heap[0][0] <= limit_us:
        entry = heapq.heappop(heap)
        if current(entry[1]) == entry[0] and (not found or found[-1] != entry):
            found.append(entry)
    for entry in found:
        heapq.heappush(heap, entry)
    return found


def _row_of(key: str, value: bytes) -> tuple[StateRow, Version]:
    offset, tick, state, deadline_us, expires_us = _decode_row(value)
    return StateRow(key, state, deadline_us, expires_us), (offset, tick)
