"""The work on a stream that merges the same partition of several topics in event-time order.

A row's merge time is its event time, or its watermark if it is late: so merge times within a partition never fall
below its watermark again, and a row may be released once every partition's watermark has passed its merge time. The
order of release, (merge time, topic, partition, offset), is a function of the logs and their ticks alone. The highest
time below which everything was released is the *frontier*; it is committed with the offsets, and a reader that
starts again reads from the lowest offset that was not released and drops what lies below the frontier.

A partition that another pipeline's streams write has their time, and a table has none (merge_readers.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pyarrow as pa

from infra.broker import Stream, TopicPartition
from pipelines.engines.dead_letter import Failure
from pipelines.engines.merge_readers import FedReader, TableReader, time_before_rows, with_late_rows_at
from pipelines.engines.partition_reader import NEVER, PartitionReader, Rows
from pipelines.engines.place import Place, place_of
from pipelines.engines.ticks import tick_record
from pipelines.engines.upstream_time import UpstreamTime
from pipelines.engines.work import Refusal, Segment, Worker
from schemas.record import Append, Record
from schemas.topic import TIMESTAMP, Topic

# A fed stream in which nothing happens commits how far its time has come when it has moved by so much.
_STRIDE_US: Final = 5_000_000


@dataclass(order=True, slots=True)
class _Waiting:
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


@dataclass(slots=True)
class _Side:
    """One of the merged partitions: how far it was read, and what of it waits."""

    reader: PartitionReader
    place: Place
    waiting: list[_Waiting] = field(default_factory=list)
    waiting_bytes: int = 0
    # Of a table: where a row came after its time, and the frontier that it met.
    late_at: tuple[int, int] | None = None

    @property
    def watermark_us(self) -> int:
        """The time that this partition has passed."""
        at = self.reader.watermark_us(self.place)
        return NEVER if at is None else at


class MergedTask:
    """Works through one merged stream for one pipeline."""

    def __init__(
        self, worker: Worker, stream: Stream, *, ticks: Mapping[TopicPartition, Sequence[tuple[int, int]]] | None = None
    ) -> None:
        self.stream = stream
        self._worker = worker
        self._sides: dict[TopicPartition, _Side] = {}
        self._frontier_us: int | None = None
        sources = {topic.name: topic for topic in worker.pipeline.sources}
        for part in stream.parts:
            place, frontier_us = place_of(worker.membership.offset(part), worker.broker.bounds(part)[0])
            reader = _reader(worker, sources[part.topic], part, (ticks or {}).get(part, ()))
            self._sides[part] = _Side(reader, place)
            if frontier_us is not None:
                self._frontier_us = max(frontier_us, self._frontier_us or frontier_us)

    @property
    def follows(self) -> bool:
        """Whether its time goes on with another pipeline's, though there be nothing to read."""
        return bool(self._worker.pipeline.upstream)

    @property
    def frontier_us(self) -> int | None:
        """The time below which everything was released."""
        return self._frontier_us

    def at_end(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Whether everything up to these ends was read and released."""
        return self.all_read(ends) and not any(
            side.waiting or side.reader.has_tick(side.place) for side in self._sides.values()
        )

    def all_read(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Whether everything up to these ends was read, released or not."""
        return all(side.place.next_offset >= ends[part] for part, side in self._sides.items())

    def step(self) -> bool:
        """Read on where there is room, release what may be released and commit it; False if nothing happened."""
        read = self._read()
        frontier_us = self._reachable()
        if frontier_us is None or (self._frontier_us is not None and frontier_us <= self._frontier_us):
            return read
        if self.follows and not self._worth_a_commit(frontier_us):
            return read
        self._release(frontier_us)
        return True

    def tick(self, watermark_us: int) -> bool:
        """Move the time of all the partitions, if something waits for it or falls due by it."""
        earliest = self._worker.membership.next_deadline(self.stream)
        waits = any(side.waiting for side in self._sides.values())
        if not waits and (earliest is None or earliest > watermark_us):
            return False
        watermark_us = min(side.reader.quiet_until(watermark_us) for side in self._sides.values())
        if self.follows and watermark_us <= max((side.watermark_us for side in self._fed()), default=NEVER):
            return False
        return self._tick_to(watermark_us)

    def finish(self) -> bool:
        """Release everything that waits, by a tick just above it: the input has ended. False if nothing waited."""
        waiting = [one.merge_us for side in self._sides.values() for one in side.waiting]
        if not waiting:
            return False
        if max(waiting) == NEVER:  # rows of a table alone: they need no time
            self._release(NEVER + 1)
            return True
        return self._tick_to(max(waiting) + 1)

    def _tick_to(self, watermark_us: int) -> bool:
        ticks: list[Append] = []
        idle_at: dict[TopicPartition, int] = {}
        for part, side in self._sides.items():
            if side.watermark_us < watermark_us:
                ticks.append(tick_record(self._worker.group, part, side.place.next_offset, watermark_us))
                idle_at[part] = side.place.next_offset
        if not ticks:
            return False
        before = {part: side.place for part, side in self._sides.items()}
        for part in idle_at:
            self._sides[part].place = self._sides[part].place.raised_to(watermark_us)
        try:
            self._release(watermark_us, ticks, idle_at)
        except BaseException:
            for part, place in before.items():
                self._sides[part].place = place
            raise
        return True

    def _read(self) -> bool:
        settings = self._worker.settings
        slowest = min(self._sides.values(), key=lambda side: side.watermark_us)
        any_read = False
        for part, side in self._sides.items():
            # A side that is far ahead waits for the others, so that memory stays bounded; the slowest one never does.
            if side.waiting_bytes > settings.merge_buffer_bytes and side is not slowest:
                continue
            with self._worker.times.stage("read and decode"):
                rows = side.reader.read(side.place, max_records=settings.batch_records, max_bytes=settings.batch_bytes)
            self._worker.times.count("repeats", rows.repeats)
            if isinstance(side.reader, TableReader) and self._frontier_us is not None and rows.batch.num_rows:
                rows, late_at = with_late_rows_at(rows, self._frontier_us)
                if late_at is not None:
                    rows = replace(rows, after=rows.after.raised_to(self._frontier_us))
                    side.late_at = side.late_at or (late_at, self._frontier_us)
            if not rows.empty:
                any_read = True
                self._take(part, side, rows)
            side.place = rows.after
        return any_read

    def _take(self, part: TopicPartition, side: _Side, rows: Rows) -> None:
        times = rows.batch.column(rows.topic.event_time).cast(pa.int64()).to_numpy()
        watermarks = time_before_rows(rows.batch)
        merged = watermarks if isinstance(side.reader, TableReader) else np.maximum(times, watermarks)
        found = [
            _Waiting(int(merged[i]), part.topic, part.partition, record.offset, int(rows.before_us[i]), record, rows, i)
            for i, record in enumerate(rows.records)
        ]
        lateness_us = self._worker.settings.rules.lateness_us
        plain = type(side.reader) is PartitionReader
        for (record, failure), before_us in zip(rows.refused, rows.refused_before_us, strict=True):
            place = Place(record.offset, None if before_us == NEVER else before_us, rows.after.floor_us)
            at = place.watermark_us(lateness_us) if plain else self._frontier_us
            found.append(
                _Waiting(
                    NEVER if at is None else at,
                    part.topic,
                    part.partition,
                    record.offset,
                    before_us,
                    record,
                    rows,
                    -1,
                    failure,
                )
            )
        if self._frontier_us is not None:
            found = [one for one in found if one.merge_us >= self._frontier_us]
        side.waiting += found
        side.waiting_bytes += rows.size_bytes

    def _fed(self) -> list[_Side]:
        return [side for side in self._sides.values() if isinstance(side.reader, FedReader)]

    def _worth_a_commit(self, frontier_us: int) -> bool:
        """Whether something is released or falls due by this frontier, or time has moved far enough to say so."""
        if self._frontier_us is None or frontier_us - self._frontier_us >= _STRIDE_US:
            return True
        if any(one.merge_us < frontier_us for side in self._sides.values() for one in side.waiting):
            return True
        earliest = self._worker.membership.next_deadline(self.stream)
        return earliest is not None and earliest <= frontier_us

    def _reachable(self) -> int | None:
        lowest = min(side.watermark_us for side in self._sides.values())
        return None if lowest == NEVER else lowest

    def _release(
        self, frontier_us: int, extra: Sequence[Append] = (), idle_at: Mapping[TopicPartition, int] | None = None
    ) -> None:
        late = {part: side.late_at for part, side in self._sides.items() if side.late_at is not None}
        extra = [*extra, *(tick_record(self._worker.group, part, *at) for part, at in late.items())]
        released: list[_Waiting] = []
        keep: dict[TopicPartition, list[_Waiting]] = {}
        for part, side in self._sides.items():
            released += [one for one in side.waiting if one.merge_us < frontier_us]
            keep[part] = [one for one in side.waiting if one.merge_us >= frontier_us]
        released.sort()
        refused = [
            Refusal(TopicPartition(one.topic, one.partition), one.record, one.failure)
            for one in released
            if one.failure is not None
        ]
        offsets = {}
        for part, side in self._sides.items():
            place = side.place
            if keep[part]:
                first = min(keep[part], key=lambda one: one.offset)
                high_us = None if first.before_us == NEVER else first.before_us
                place = Place(first.offset, high_us, first.rows.after.floor_us, first.rows.marks_at(first.offset))
            offsets[part] = place.to_offset(frontier_us)
        self._worker.work(
            self.stream,
            self._segments([one for one in released if one.failure is None], frontier_us),
            refused,
            offsets,
            watermark_us=frontier_us,
            extra=extra,
            idle_at=idle_at,
        )
        self._frontier_us = frontier_us
        for part, side in self._sides.items():
            side.late_at = None
            side.waiting = keep[part]
            side.waiting_bytes = sum(len(one.record.value or b"") + 200 for one in keep[part])

    def _segments(self, released: Sequence[_Waiting], frontier_us: int) -> list[Segment]:
        """Cut the released rows, in order, into runs of one topic; each row's watermark is its merge time."""
        segments: list[Segment] = []
        start = 0
        for end in range(1, len(released) + 1):
            if end == len(released) or released[end].topic != released[start].topic:
                run = released[start:end]
                last = end == len(released)
                segments.append(self._segment(run, frontier_us if last else released[end].merge_us))
                start = end
        if not segments:
            side = next(iter(self._sides.items()))
            nothing = pa.RecordBatch.from_pylist([], schema=side[1].reader.topic.row_schema)
            segments.append(Segment(side[1].reader.topic, side[0], nothing, [], frontier_us))
        return segments

    def _segment(self, run: Sequence[_Waiting], watermark_us: int) -> Segment:
        batches = [one.rows.batch.slice(one.row, 1) for one in run]
        batch = pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
        merged = pa.array([one.merge_us for one in run], pa.int64()).cast(TIMESTAMP)
        batch = batch.set_column(batch.schema.get_field_index("watermark"), batch.schema.field("watermark"), merged)
        part = TopicPartition(run[0].topic, run[0].partition)
        return Segment(run[0].rows.topic, part, batch, [one.record for one in run], watermark_us)


def _reader(worker: Worker, topic: Topic, part: TopicPartition, ticks: Sequence[tuple[int, int]]) -> PartitionReader:
    """Return what reads one side of a merge: a plain input, a table, or what another pipeline's streams write."""
    pipeline, rules = worker.pipeline, worker.settings.rules
    if topic in pipeline.tables:
        return TableReader(worker.broker, topic, part, rules, ticks=ticks)
    for feeder in pipeline.upstream:
        if topic.name in {sink.topic.name for sink in feeder.sinks}:
            prefix = worker.group.removesuffix(f"-{pipeline.name}")
            time = UpstreamTime(worker, prefix, feeder, topic.key, part.partition)
            return FedReader(worker.broker, topic, part, rules, time, ticks=ticks)
    return PartitionReader(worker.broker, topic, part, rules, ticks=ticks)
