"""Read one partition as rows with a watermark: a function of the log alone, not of who reads it, or when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pyarrow as pa

from infra.broker import Broker, BrokerMismatch, TopicPartition
from infra.failpoints import failpoint
from infra.partitioner import partition_of_key
from pipelines.engines.dead_letter import Failure
from pipelines.engines.place import Place
from pipelines.engines.round_answers import RoundAnswers
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
class Taken:
    """Consecutive records of one partition that are no rows yet; repeats are left out.

    `after` is the place behind them all, but for what their times will say.
    """

    records: Sequence[Record]
    after: Place
    marks_before: Marks
    repeats: int


@dataclass(frozen=True, slots=True)
class TimeRules:
    """How time is read off events, in microseconds: how late a row may be, and how far ahead of its arrival."""

    lateness_us: int = 10_000_000
    max_ahead_us: int = 300_000_000


class PartitionReader:
    """Reads one partition from a place on.

    `ticks` are (offset, watermark) observations that replay reads instead of making its own; they take effect before
    the row at their offset. `answers` are what the round knows: where nothing is left by them, the broker is not
    troubled. Readers of a merge that read time otherwise stand in merge_readers.py.
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
        answers: RoundAnswers | None = None,
    ) -> None:
        self.topic = topic
        self.part = part
        self._broker = broker
        self._rules = rules
        self._codec = JsonCodec(topic)
        self._ticks = sorted(ticks)
        self._answers = answers
        self._partitions = topic.partitions
        self._no_rows = pa.RecordBatch.from_pylist([], schema=topic.row_schema)

    def read(self, place: Place, *, max_records: int, max_bytes: int) -> Rows:
        """Return the rows from `place` on; empty at the end of the partition."""
        if not self._ticks and self._is_read_up_to(place.next_offset):
            return self._nothing(Taken([], place, {}, 0))
        (rows,) = rows_of([self], [self.take(place, max_records=max_records, max_bytes=max_bytes)])
        return rows

    def _is_read_up_to(self, offset: int) -> bool:
        return self._answers is not None and self._answers.is_read(self.part, offset)

    def take(self, place: Place, *, max_records: int, max_bytes: int) -> Taken:
        """Return the records from `place` on, for `rows_of`; none at the end of the partition."""
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
                return self.take(replace(place, next_offset=until), max_records=max_records, max_bytes=max_bytes)
        if not records:
            return Taken([], place, {}, 0)
        failpoint("after_poll")
        kept, marks = first_copies(place.marks, records)
        after = Place(records[-1].offset + 1, place.high_us, place.floor_us, marks)
        return Taken(kept, after, place.marks, len(records) - len(kept))

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

    def soon_quiet_until(self, watermark_us: int) -> int:
        """Like `quiet_until`, asked often and answered with care: it may say less."""
        return watermark_us

    def is_prompt(self, still_us: int) -> bool:
        """Whether time may be moved by the clock though upstream has not stood still for so long."""
        return True

    def has_tick(self, place: Place) -> bool:
        """Whether a tick that is read again moves the time at this place; never in a live job."""
        return any(
            offset <= place.next_offset and (place.floor_us is None or place.floor_us < watermark_us)
            for offset, watermark_us in self._ticks
        )

    def _check_partition(self, keys: Iterable[str]) -> None:
        """Stop at a row that a foreign producer put where its key does not belong: order and memory would be wrong."""
        for key in keys:
            right = partition_of_key(key.encode(), self._partitions)
            if right != self.part.partition:
                raise BrokerMismatch(
                    f"{self.part}: key {key!r} belongs to partition {right} by murmur2, so its producer partitions "
                    "otherwise; set it to murmur2_random, or copy the topic through `hubbub produce`"
                )

    def _times_before(self, before: np.ndarray, records: Sequence[Record]) -> np.ndarray:
        """Return the watermark of each row but for ticks; `before` is the highest time before it."""
        return np.where(before == NEVER, NEVER, before - self._rules.lateness_us)

    def _nothing(self, taken: Taken) -> Rows:
        nobody = np.empty(0, dtype=np.int64)
        marks = taken.marks_before
        return Rows(self.part, self.topic, self._no_rows, [], nobody, [], [], taken.after, marks, taken.repeats)


def rows_of(readers: Sequence[PartitionReader], taken: Sequence[Taken]) -> list[Rows]:
    """Make rows of what was taken of partitions of one topic, a reader each: at once, which costs as one does."""
    records = [record for one in taken for record in one.records]
    if not records:
        return [reader._nothing(one) for reader, one in zip(readers, taken, strict=True)]
    topic, source = readers[0].topic, readers[0].part.topic
    places = [reader.part.partition for reader, one in zip(readers, taken, strict=True) for _ in one.records]
    decoded = readers[0]._codec.decode(source, places[0] if len(readers) == 1 else places, records)
    batch, index = decoded.batch, list(decoded.rows)
    failures = {i: Failure(refusal.stage, refusal.reason, refusal.message) for i, refusal in decoded.refused}
    if readers[0].judges_clock:
        batch, index = _drop_ahead_of_clock(topic, readers[0]._rules, batch, index, failures)
    times = microseconds(batch.column(topic.event_time))
    keys = batch.column(topic.key).to_pylist()
    parts: list[_Part] = []
    watermarks: list[np.ndarray] = []
    start = row = 0
    for reader, one in zip(readers, taken, strict=True):
        end = start + len(one.records)
        last = int(np.searchsorted(index, end))
        reader._check_partition(set(keys[row:last]))
        part = _Part(start, end, row, last, _highs(one.after, times[row:last]), [records[i] for i in index[row:last]])
        before = reader._times_before(part.highs[:-1], part.kept)
        watermarks.append(before if one.after.floor_us is None else np.maximum(before, one.after.floor_us))
        parts.append(part)
        start, row = end, last
    batch = _with_progress(batch, times, watermarks[0] if len(watermarks) == 1 else np.concatenate(watermarks))
    refused_at = sorted(failures)
    rows = []
    for reader, one, part in zip(readers, taken, parts, strict=True):
        at = [i for i in refused_at if part.start <= i < part.end]
        high = int(part.highs[-1])
        rows.append(
            Rows(
                part=reader.part,
                topic=topic,
                batch=batch if len(parts) == 1 else batch.slice(part.row, part.last - part.row),
                records=part.kept,
                before_us=part.highs[:-1],
                refused=[(records[i], failures[i]) for i in at],
                # The time before a refused record is the time before the next row.
                refused_before_us=[int(part.highs[np.searchsorted(index, i) - part.row]) for i in at],
                after=replace(one.after, high_us=None if high == NEVER else high),
                marks_before=one.marks_before,
                repeats=one.repeats,
            )
        )
    return rows


@dataclass(frozen=True, slots=True)
class _Part:
    """One partition among others: where its records and rows lie, and the highest time before each row and in all."""

    start: int
    end: int
    row: int
    last: int
    highs: np.ndarray
    kept: Sequence[Record]


def _highs(place: Place, times: np.ndarray) -> np.ndarray:
    start = NEVER if place.high_us is None else place.high_us
    highs: np.ndarray = np.maximum.accumulate(np.concatenate([[start], times]))
    return highs


def _drop_ahead_of_clock(
    topic: Topic, rules: TimeRules, batch: pa.RecordBatch, index: list[int], failures: dict[int, Failure]
) -> tuple[pa.RecordBatch, list[int]]:
    times = microseconds(batch.column(topic.event_time))
    received = microseconds(batch.column("received_at"))
    ahead = times > received + rules.max_ahead_us
    if not ahead.any():
        return batch, index
    limit_s = rules.max_ahead_us / 1e6
    for row in np.flatnonzero(ahead):
        seconds = (times[row] - received[row]) / 1e6
        failures[index[row]] = Failure(
            "SCHEMA",
            "clock",
            f"event_time is {seconds:.0f} s ahead of its arrival, expected {limit_s:.0f} s at most",
        )
    kept = ~ahead
    return batch.filter(pa.array(kept)), [i for i, keep in zip(index, kept, strict=True) if keep]


def _with_progress(batch: pa.RecordBatch, times: np.ndarray, watermark: np.ndarray) -> pa.RecordBatch:
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
