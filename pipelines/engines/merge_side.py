"""One of the partitions that a merge reads: how far it was read, and what of it waits for its turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from infra.broker import Broker, TopicPartition
from pipelines.engines.dead_letter import Failure
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.partition_reader import NEVER, PartitionReader, Rows
from pipelines.engines.place import Place
from schemas.record import Record


@dataclass(order=True, slots=True)
class Waiting:
    """One record that was read and not released: a row of a batch, or a refusal."""

    merge_us: int
    topic: str
    partition: int
    offset: int
    before_us: int = field(compare=False)
    record: Record = field(compare=False)
    rows: Rows = field(compare=False)
    row: int = field(compare=False)  # -1: refused
    failure: Failure | None = field(compare=False, default=None)

    @property
    def place(self) -> Place:
        """Where reading begins again at this record."""
        high_us = None if self.before_us == NEVER else self.before_us
        return Place(self.offset, high_us, self.rows.after.floor_us, self.rows.marks_at(self.offset))


@dataclass(slots=True)
class MergeSide:
    """A partition, its reader, and where the reader stands. `waiting` are its records that were not released."""

    part: TopicPartition
    reader: PartitionReader
    place: Place
    waiting: list[Waiting] = field(default_factory=list)
    waiting_bytes: int = 0
    # Where a row came after its time, and the frontier that it met.
    late_at: tuple[int, int] | None = None
    # Whether everything was read that had to be before anything is released.
    was_read: bool = field(init=False)

    def __post_init__(self) -> None:
        """Most sides are read as they come."""
        self.was_read = not self.reader.comes_first

    @property
    def watermark_us(self) -> int:
        """The time that this partition has passed."""
        at = self.reader.watermark_us(self.place)
        return NEVER if at is None else at

    @property
    def at_tick(self) -> bool:
        """Whether a tick that is read again moves the time here."""
        return self.reader.has_tick(self.place)

    def read(self, settings: JobSettings, frontier_us: int | None) -> Rows:
        """Read on, keep what was read waiting, and return it."""
        rows = self.reader.read(self.place, max_records=settings.batch_records, max_bytes=settings.batch_bytes)
        if frontier_us is not None and rows.batch.num_rows:
            rows, late_at = self.reader.from_frontier(rows, frontier_us)
            if late_at is not None:
                self.late_at = self.late_at or (late_at, frontier_us)
        if not rows.empty:
            self._take(rows, frontier_us)
        self.place = rows.after
        return rows

    def find_end(self, broker: Broker) -> None:
        """See whether everything that lies in the partition has been read."""
        first, end = broker.bounds(self.part)
        self.was_read = max(self.place.next_offset, first) >= end

    def below(self, frontier_us: int) -> list[Waiting]:
        """Return what waits for less than this time."""
        return [one for one in self.waiting if one.merge_us < frontier_us]

    def kept(self, frontier_us: int) -> tuple[list[Waiting], Place]:
        """Return what goes on to wait when all below a time is released, and where a later reader begins for it."""
        kept = [one for one in self.waiting if one.merge_us >= frontier_us]
        return kept, min(kept, key=lambda one: one.offset).place if kept else self.place

    def keep(self, kept: Sequence[Waiting]) -> None:
        """Let only these go on to wait."""
        self.late_at = None
        self.waiting = list(kept)
        self.waiting_bytes = sum(len(one.record.value or b"") + 200 for one in kept)

    def _take(self, rows: Rows, frontier_us: int | None) -> None:
        topic, partition = self.part.topic, self.part.partition
        times = self.reader.merge_times(rows.batch)
        found = [
            Waiting(int(times[i]), topic, partition, record.offset, int(rows.before_us[i]), record, rows, i)
            for i, record in enumerate(rows.records)
        ]
        for (record, failure), before_us in zip(rows.refused, rows.refused_before_us, strict=True):
            refused = Waiting(NEVER, topic, partition, record.offset, before_us, record, rows, -1, failure)
            place = Place(record.offset, None if before_us == NEVER else before_us, rows.after.floor_us)
            at = self.reader.merge_time_of_refused(place, frontier_us)
            found.append(refused if at is None else replace(refused, merge_us=at))
        if frontier_us is not None:
            found = [one for one in found if one.merge_us >= frontier_us]
        self.waiting += found
        self.waiting_bytes += rows.size_bytes
