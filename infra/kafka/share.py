"""What a membership holds of one partition number that it owns: memory, offsets, attempts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from infra.broker import Attempt, Offset, StateRow, TopicPartition
from infra.failpoints import failpoint
from infra.kafka.batch_writing import Content
from infra.state_changelog import ChangelogReader, attempt_record, memory_records
from infra.state_memory import StateMemory
from infra.state_snapshot import Head, SavedRow, attempts_of
from schemas.record import Record

log = logging.getLogger(__name__)
TELL_EVERY_S = 5.0


@dataclass(slots=True)
class Share:
    """One partition number's memory by stream, as of changelog offset `position`."""

    number: int
    epoch: int
    memories: dict[str, StateMemory] = field(default_factory=dict)
    # Rows that lie in the changelog in more than one piece, and in how many.
    pieces: dict[tuple[str, str], int] = field(default_factory=dict)
    offsets: dict[TopicPartition, Offset] = field(default_factory=dict)
    attempts: dict[tuple[str, str], Attempt] = field(default_factory=dict)  # by stream and member
    begun: set[str] = field(default_factory=set)  # streams with an attempt of this process in the changelog
    position: int = 0
    # A commit ended in doubt: what is here may be behind what is committed.
    doubtful: bool = False
    # Up to where the last snapshot reaches, and when it was written.
    saved_position: int = 0
    saved_at: float = field(default_factory=time.monotonic)

    def memory(self, stream: str) -> StateMemory:
        """Return a stream's memory."""
        found = self.memories.get(stream)
        if found is None:
            found = self.memories[stream] = StateMemory()
        return found

    def changes(self, stream: str, rows: Iterable[StateRow], expired_us: int | None) -> dict[str, StateRow]:
        """Return what a commit changes in the end, by key, with what has expired by then forgotten."""
        changed = {row.key: row for row in rows}
        if expired_us is not None:
            for row in self.memory(stream).expired(expired_us):
                changed.setdefault(row.key, StateRow(row.key, None))
            for key, row in changed.items():
                if row.expires_us is not None and row.expires_us <= expired_us:
                    changed[key] = StateRow(key, None)
        return changed

    def records(self, stream: str, changes: Iterable[StateRow]) -> tuple[list[Content], dict[str, int]]:
        """Return a commit's changelog records, and how many pieces each key takes in them.

        Among them are those that forget the attempts of the dead.
        """
        memory = self.memory(stream)
        found: list[Content] = []
        pieces: dict[str, int] = {}
        for row in changes:
            lying = self.pieces.get((stream, row.key), 1 if row.key in memory.rows else 0)
            records = memory_records(stream, row, lying)
            pieces[row.key] = sum(value is not None for _, value, _ in records)
            found += records
        found += [attempt_record(stream, member, None) for name, member in self.attempts if name == stream]
        return found, pieces

    def apply(self, stream: str, row: StateRow, pieces: int) -> None:
        """Take a row as it lies in the changelog now."""
        self.memory(stream).put(row)
        if pieces > 1:
            self.pieces[stream, row.key] = pieces
        else:
            self.pieces.pop((stream, row.key), None)

    def saved(self, changelog: str) -> tuple[Head, list[SavedRow]]:
        """Return what a snapshot of this is, while it is being worked on further."""
        attempts = [(*one, tried.offset, tried.until, tried.deaths) for one, tried in self.attempts.items()]
        rows = [
            SavedRow(stream, key, row.value or b"", row.deadline_us, row.expires_us, self.pieces.get((stream, key), 1))
            for stream, memory in self.memories.items()
            for key, row in memory.rows.items()
        ]
        return Head(changelog, self.number, self.position, time.time(), attempts), rows

    def begin_with(self, head: Head, rows: Iterable[SavedRow]) -> None:
        """Start from a snapshot."""
        by_stream: dict[str, list[StateRow]] = {}
        for saved in rows:
            by_stream.setdefault(saved.stream, []).append(saved.row)
            if saved.pieces > 1:
                self.pieces[saved.stream, saved.key] = saved.pieces
        self.memories = {stream: StateMemory(found) for stream, found in by_stream.items()}
        self.attempts = attempts_of(head)
        self.position = self.saved_position = head.position

    def forget_attempts(self, stream: str) -> None:
        """Forget what was tried on a stream: it is done."""
        for one in [one for one in self.attempts if one[0] == stream]:
            del self.attempts[one]

    def read(
        self,
        read: Callable[[int], list[Record]],
        target: int,
        *,
        name: str,
    ) -> None:
        """Read the changelog from `position` up to `target`, everything before which must be settled."""
        started = told = time.monotonic()
        reader = ChangelogReader()
        reader.attempts = self.attempts
        count = 0
        while self.position < target and (records := read(self.position)):
            failpoint("during_restore")
            for stream, row, pieces in reader.take(records):
                self.apply(stream, row, pieces)
            count += len(records)
            self.position = records[-1].offset + 1
            if time.monotonic() - told > TELL_EVERY_S:
                told = time.monotonic()
                log.info("%s: restored %d records, at offset %d of %d", name, count, self.position, target)
        for stream, row, pieces in reader.large():
            self.apply(stream, row, pieces)
        self.position = max(self.position, target)
        if count:
            log.info("%s: restored %d records in %.1f s", name, count, time.monotonic() - started)
