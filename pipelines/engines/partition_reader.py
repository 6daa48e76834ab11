"""Read one partition as rows with a watermark: a function of the log alone, not of who reads it, or when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pyarrow as pa

from infra.broker import Broker, BrokerMismatch, TopicPartition
from infra.failpoints import failpoint
from infra.partitioner import partition_of_key
from pipelines.engines.dead_letter import Failure
from pipelines.engines.place import Place
from schemas.json_codec import JsonCodec
from schemas.microseconds import microseconds
from schemas.record import Record
from schemas.sequence import Marks, first_copies
from schemas.topic import PROGRESS, TIMESTAMP, Topic

NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Rows:
    """Some consecutive records of one partition, as rows.

    `batch` has the topic's `row_schema`; row i came from `records[i]`. `refused` are those that never became rows.
    `before_us` and `refused_before_us` hold the highest event time before each of them (NEVER: none), so that a
    reader can start again at any of them; `after` is the place behind them all. Left out are repeats: rows that an
    upstream pipeline wrote again after a crash.
    """

    part: TopicPartition
    topic: Topic
    batch: pa.RecordBatch
    records: Sequence[Record]
    before_us: np.ndarray
    refused: Sequence[tuple[Record, Failure]]
    refused_before_us: Sequence[int]
    after: Place
    marks_before: Marks = field(default_factory=dict)
    repeats: int = 0

    def marks_at(self, offset: int) -> Marks:
        """Return how far each feed had come before an offset among these records."""
        records = sorted([*self.records, *(record for record, _ in self.refused)], key=lambda record: record.offset)
        return first_copies(self.marks_before, [record for record in records if record.offset < offset])[1]

    @property
    def size_bytes(self) -> int:
        """About how much memory the records take."""
        records = [*self.records, *(record for record, _ in self.refused)]
        return sum(len(record.value or b"") + 200 for record in records)

    @property
    def empty(self) -> bool:
        """Whether nothing at all was read."""
        return not self.records and not self.refused


@dataclass(frozen=True, slots=True)
class TimeRules:
    """How time is read off events, in microseconds: how late a row may be, and how far ahead of its arrival."""

    lateness_us: int = 10_000_000
    max_ahead_us: int = 300_000_000


class PartitionReader:
    """Reads one partition from a place on.

    `ticks` are (offset, watermark) observations that replay reads instead of making its own; they take effect before
    the row at their offset. Readers of a merge that read time otherwise stand in merge_readers.py.
    """

    # Whether rows too far ahead of their arrival are refused here; whether its time is another pipeline's; whether a
    # merge reads all that is there before it releases anything.
    judges_clock: ClassVar[bool] = True
    follows: ClassVar[bool] = False
    comes_first: ClassVar[bool] = False

    def __init__(
        self,
        broker: Broker,
        topic: Topic,
        part: TopicPartition,
        rules: TimeRules,
        *,
        ticks: Sequence[tuple[int, int]] = (),
    ) -> None:
        self.topic = topic
        self.part = part
        self._broker = broker
        self._rules = rules
        self._codec = JsonCodec(topic)
        self._ticks = sorted(ticks)
        self._partitions = topic.partitions
        self._no_rows = pa.RecordBatch.from_pylist([], schema=topic.row_schema)

    def read(self, place: Place, *, max_records: int, max_bytes: int) -> Rows:
        """Return the rows from `place` on; empty at the end of the partition."""
        until: int | None = None
        for offset, watermark_us in self._ticks:
            if offset <= place.next_offset:
                place = place.raised_to(watermark_us)
            else:
                until = offset
                max_records = min(max_records, offset - place.next_offset)
                break
        records = self._broker.read(self.part, place.next_offset, max_records=max_records, max_bytes=max_bytes)
        if until is not None and records and records[-1].offset >= until:  # offsets have holes
            records = [record for record in records if record.offset < until]
            if not records:
                return self.read(replace(place, next_offset=until), max_records=max_records, max_bytes=max_bytes)
        if not records:
            return self._nothing(place)
        failpoint("after_poll")
        kept, marks = first_copies(place.marks, records)
        after = Place(records[-1].offset + 1, place.high_us, place.floor_us, marks)
        rows = self._rows(after, kept) if kept else self._nothing(after)
        return replace(rows, marks_before=place.marks, repeats=len(records) - len(kept))

    def watermark_us(self, place: Place) -> int | None:
        """Return what time it is at a place; None before any time is known."""
        return place.watermark_us(self._rules.lateness_us)

    def merge_times(self, batch: pa.RecordBatch) -> np.ndarray:
        """Return at what time each row merges: at its own, or at its watermark if it is late."""
        times: np.ndarray = microseconds(batch.column(self.topic.event_time))
        merged: np.ndarray = np.maximum(times, time_before_rows(batch))
        return merged

    def merge_time_of_refused(self, place: Place, frontier_us: int | None) -> int | None:
        """Return at what time a record at `place` merges that is no row; None before any time is known."""
        return self.watermark_us(place)

    def from_frontier(self, rows: Rows, frontier_us: int) -> tuple[Rows, int | None]:
        """Return rows as a merge takes them that has released all below `frontier_us`, and where one came too late."""
        return rows, None

    def quiet_until(self, watermark_us: int) -> int:
        """Return up to where a tick may move the time of this partition, at most `watermark_us`."""
        return watermark_us

    def has_tick(self, place: Place) -> bool:
        """Whether a tick that is read again moves the time at this place; never in a live job."""
        return any(
            offset <= place.next_offset and (place.floor_us is None or place.floor_us < watermark_us)
            for offset, watermark_us in self._ticks
        )

    def _nothing(self, place: Place) -> Rows:
        nobody = np.empty(0, dtype=np.int64)
        return Rows(self.part, self.topic, self._no_rows, [], nobody, [], [], place)

    def _rows(self, place: Place, records: Sequence[Record]) -> Rows:
        """Make rows of records; `place` is the one behind them but for their times."""
        decoded = self._codec.decode(self.part.topic, self.part.partition, records)
        batch, index = decoded.batch, list(decoded.rows)
        failures = {i: Failure(refusal.stage, refusal.reason, refusal.message) for i, refusal in decoded.refused}
        batch, index = self._drop_ahead_of_clock(batch, index, failures)
        self._check_partition(batch)
        times = microseconds(batch.column(self.topic.event_time))
        start = NEVER if place.high_us is None else place.high_us
        highs = np.maximum.accumulate(np.concatenate([[start], times]))
        before, high = highs[:-1], int(highs[-1])
        kept = [records[i] for i in index]
        batch = self._with_progress(batch, times, self._times_before(before, kept), place.floor_us)
        # The time before a refused record is the time before the next row.
        refused_at = sorted(failures)
        refused_before = [int(highs[np.searchsorted(index, i)]) for i in refused_at]
        after = replace(place, high_us=None if high == NEVER else high)
        return Rows(
            part=self.part,
            topic=self.topic,
            batch=batch,
            records=kept,
            before_us=before,
            refused=[(records[i], failures[i]) for i in refused_at],
            refused_before_us=refused_before,
            after=after,
        )

    def _drop_ahead_of_clock(
        self, batch: pa.RecordBatch, index: list[int], failures: dict[int, Failure]
    ) -> tuple[pa.RecordBatch, list[int]]:
        if not self.judges_clock:
            return batch, index
        times = microseconds(batch.column(self.topic.event_time))
        received = microseconds(batch.column("received_at"))
        ahead = times > received + self._rules.max_ahead_us
        if not ahead.any():
            return batch, index
        limit_s = self._rules.max_ahead_us / 1e6
        for row in np.flatnonzero(ahead):
            seconds = (times[row] - received[row]) / 1e6
            failures[index[row]] = Failure(
                "SCHEMA",
                "clock",
                f"event_time is {seconds:.0f} s ahead of its arrival, expected {limit_s:.0f} s at most",
            )
        kept = ~ahead
        return batch.filter(pa.array(kept)), [i for i, keep in zip(index, kept, strict=True) if keep]

    def _check_partition(self, batch: pa.RecordBatch) -> None:
        """Stop at a row that a foreign producer put where its key does not belong: order and memory would be wrong."""
        keys = batch.column(self.topic.key)
        for key in keys.unique().to_pylist():
            right = partition_of_key(key.encode(), self._partitions)
            if right != self.part.partition:
                raise BrokerMismatch(
                    f"{self.part}: key {key!r} belongs to partition {right} by murmur2, so its producer partitions "
                    "otherwise; set it to murmur2_random, or copy the topic through `hubbub produce`"
                )

    def _times_before(self, before: np.ndarray, records: Sequence[Record]) -> np.ndarray:
        """Return the watermark of each row but for ticks; `before` is the highest time before it."""
        return np.where(before == NEVER, NEVER, before - self._rules.lateness_us)

    def _with_progress(
        self, batch: pa.RecordBatch, times: np.ndarray, watermark: np.ndarray, floor_us: int | None
    ) -> pa.RecordBatch:
        if floor_us is not None:
            watermark = np.maximum(watermark, floor_us)
        unknown = watermark == NEVER
        columns = [
            pa.array(watermark, pa.int64(), mask=unknown).view(TIMESTAMP),
            pa.array(~unknown & (times < watermark)),
        ]
        for added, column in zip(PROGRESS, columns, strict=True):
            batch = batch.append_column(added, column)
        return batch


def time_before_rows(batch: pa.RecordBatch) -> np.ndarray:
    """Return each row's column `watermark` in microseconds, NEVER where it is null."""
    times: np.ndarray = microseconds(batch.column("watermark"), NEVER)
    return times
