"""The memory of one stream's keys in this process, for an engine that takes it elsewhere to work on (see the port).

It answers as a Membership does, so that the same task and worker serve: what they commit is kept here, and handed over
by `taken`. Whoever owns it makes it durable.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from infra.broker import Attempt, Commit, Offset, StateRow, Stream, TopicPartition

_Heap = list[tuple[int, str]]
Offsets = Mapping[TopicPartition, Offset]
Position = tuple[tuple[str, int, int, str], ...]


@dataclass(slots=True)
class StreamMemory:
    """Where one stream stands and what its keys remember. `rows` are as a commit has them, `offsets` may lack parts."""

    stream: Stream
    offsets: dict[TopicPartition, Offset] = field(default_factory=dict)
    _rows: dict[str, StateRow] = field(default_factory=dict)
    _deadlines: _Heap = field(default_factory=list)
    _expiries: _Heap = field(default_factory=list)
    _expired_us: int | None = None
    _commits: list[Commit] = field(default_factory=list)
    _changed: set[str] = field(default_factory=set)

    @staticmethod
    def at(stream: Stream, position: Position) -> StreamMemory:
        """Return an empty memory of a stream that stands at `position`."""
        return StreamMemory(stream, offsets_of(position))

    def load(self, rows: Iterable[StateRow]) -> None:
        """Take rows that are committed already, later ones over earlier ones."""
        for row in rows:
            self._put(row)

    def all_rows(self) -> list[StateRow]:
        """Return every key's row, by key."""
        return [self._rows[key] for key in sorted(self._rows)]

    def changes(self) -> list[StateRow]:
        """Return what has become of every key that was changed since the beginning, by key."""
        return [self._rows.get(key, StateRow(key, None)) for key in sorted(self._changed)]

    def taken(self) -> list[Commit]:
        """Hand over what was committed since the last time."""
        commits, self._commits = self._commits, []
        return commits

    def expire(self, watermark_us: int) -> None:
        """Drop the rows whose memory may be dropped at this time."""
        while self._expiries and self._expiries[0][0] <= watermark_us:
            expires_us, key = heapq.heappop(self._expiries)
            row = self._rows.get(key)
            if row is not None and row.expires_us == expires_us:
                del self._rows[key]
                self._changed.add(key)

    def owned(self) -> tuple[Stream, ...]:
        """Return the one stream."""
        return (self.stream,)

    def offset(self, part: TopicPartition) -> Offset | None:
        """Return where the stream stands in a partition."""
        return self.offsets.get(part)

    def states(self, stream: Stream, keys: Sequence[str]) -> list[bytes | None]:
        """Return the memory of these keys."""
        found = (self._rows.get(key) for key in keys)
        return [None if row is None else row.value for row in found]

    def memory(self, stream: Stream) -> list[StateRow]:
        """Return all memory, by key."""
        return self.all_rows()

    def due(self, stream: Stream, watermark_us: int) -> list[tuple[str, bytes]]:
        """Return (key, memory) of the keys whose deadline has come, by (deadline, key)."""
        found: dict[tuple[int, str], bytes] = {}
        while self._deadlines and self._deadlines[0][0] <= watermark_us:
            deadline_us, key = heapq.heappop(self._deadlines)
            row = self._rows.get(key)
            if row is not None and row.value is not None and row.deadline_us == deadline_us:
                found[deadline_us, key] = row.value
        for place in found:  # asking changes nothing: a commit does
            heapq.heappush(self._deadlines, place)
        return [(key, found[deadline_us, key]) for deadline_us, key in sorted(found)]

    def next_deadline(self, stream: Stream) -> int | None:
        """Return the earliest deadline."""
        while self._deadlines:
            deadline_us, key = self._deadlines[0]
            row = self._rows.get(key)
            if row is not None and row.deadline_us == deadline_us:
                return deadline_us
            heapq.heappop(self._deadlines)
        return None

    def forget_expired(self, stream: Stream, watermark_us: int) -> None:
        """Drop old memory with the next commit."""
        self._expired_us = watermark_us

    def commit(self, commit: Commit) -> None:
        """Take a step's changes; they are handed over by `taken`."""
        for row in commit.states:
            self._put(row)
            self._changed.add(row.key)
        if self._expired_us is not None:
            self.expire(self._expired_us)
            self._expired_us = None
        self.offsets.update(commit.offsets)
        self._commits.append(commit)

    def begin_attempt(self, stream: Stream, attempt: Attempt) -> None:
        """Nothing outlives this process."""

    def attempt(self, stream: Stream) -> Attempt | None:
        """Nothing was left by an earlier process."""
        return None

    def leave(self) -> None:
        """Nothing is held."""

    def _put(self, row: StateRow) -> None:
        if row.value is None:
            self._rows.pop(row.key, None)
            return
        self._rows[row.key] = row
        if row.deadline_us is not None:
            heapq.heappush(self._deadlines, (row.deadline_us, row.key))
        if row.expires_us is not None:
            heapq.heappush(self._expiries, (row.expires_us, row.key))


def offsets_of(position: Position) -> dict[TopicPartition, Offset]:
    """Return the offsets of a position."""
    return {TopicPartition(topic, number): Offset(following, note) for topic, number, following, note in position}


def position_of(offsets: Offsets) -> Position:
    """Return where a stream stands as one value: two are equal when reading goes on alike."""
    return tuple(sorted((part.topic, part.partition, at.next_offset, at.note) for part, at in offsets.items()))
