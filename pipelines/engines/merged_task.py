"""The work on a stream that merges the same partition of several topics in event-time order.

A row's merge time is its event time, or its watermark if it is late: so merge times within a partition never fall
below its watermark again, and a row may be released once every partition's watermark has passed its merge time. The
order of release, (merge time, topic, partition, offset), is a function of the logs and their ticks alone. The highest
time below which everything was released is the *frontier*; it is committed with the offsets, and a reader that
starts again reads from the lowest offset that was not released and drops what lies below the frontier.

A partition that another pipeline's streams write has their time, and a table has none (merge_readers.py). What lies in
a table when the work begins is read before anything is released, so how steps are cut does not show in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass

import pyarrow as pa

from infra.broker import Stream, TopicPartition
from pipelines.engines.merge_readers import FedReader, TableReader
from pipelines.engines.merge_side import MergeSide, Waiting
from pipelines.engines.partition_reader import NEVER, PartitionReader
from pipelines.engines.taken_over import taken_over
from pipelines.engines.ticks import tick_record
from pipelines.engines.upstream_time import STRIDE_US, upstream_of
from pipelines.engines.work import Refusal, Segment, Worker
from schemas.record import Append
from schemas.topic import TIMESTAMP, Topic


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a merge had come: what was released, and where each side stood with what waited there."""

    frontier_us: int | None
    sides: Mapping[TopicPartition, MergeSide]


class MergedTask:
    """Works through one merged stream for one pipeline."""

    def __init__(
        self, worker: Worker, stream: Stream, *, ticks: Mapping[TopicPartition, Sequence[tuple[int, int]]] | None = None
    ) -> None:
        self.stream = stream
        self._worker = worker
        self._sides: dict[TopicPartition, MergeSide] = {}
        self._frontier_us: int | None = None
        sources = {topic.name: topic for topic in worker.pipeline.sources}
        for part in stream.parts:
            place, frontier_us = taken_over(worker, part)
            reader = _reader(worker, sources[part.topic], part, (ticks or {}).get(part, ()))
            self._sides[part] = MergeSide(part, reader, place)
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
        return self.all_read(ends) and not any(side.waiting or side.at_tick for side in self._sides.values())

    def all_read(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Whether everything up to these ends was read, released or not."""
        return all(side.place.next_offset >= ends[part] for part, side in self._sides.items())

    def step(self) -> bool:
        """Read on where there is room, release what may be released and commit it; False if nothing happened."""
        read = self.read()
        return (self.is_worth_a_commit and self.release()) or read

    def read(self) -> bool:
        """Read on where there is room; False if nothing came."""
        return self._read() if self._all_was_read else self._read_first()

    @property
    def has_come_further(self) -> bool:
        """Whether the sides have passed a time that was not released to."""
        reached_us = self._reachable() if self._all_was_read else None
        return reached_us is not None and (self._frontier_us is None or reached_us > self._frontier_us)

    @property
    def is_worth_a_commit(self) -> bool:
        """Whether it has come further, and something is released or falls due by it, or it is a stride."""
        reached_us = self._reachable() if self.has_come_further else None
        return reached_us is not None and (not self.follows or self._worth_a_commit(reached_us))

    @property
    def waiting(self) -> int:
        """How many records wait."""
        return sum(len(side.waiting) for side in self._sides.values())

    def release(self) -> bool:
        """Release what may be released and commit it, or only how far this has come; False if it has not."""
        reached_us = self._reachable() if self.has_come_further else None
        if reached_us is None:
            return False
        self._release(reached_us)
        return True

    def standing(self) -> Standing:
        """Return where the work stands, for `return_to`."""
        return Standing(self._frontier_us, {part: copy(side) for part, side in self._sides.items()})

    def return_to(self, standing: Standing) -> None:
        """Undo steps whose commit was refused, and of which nothing was written."""
        self._frontier_us = standing.frontier_us
        self._sides = dict(standing.sides)

    def due_us(self) -> int | None:
        """Return the earliest time that something waits for; None if nothing does, a table's rows aside."""
        if not self._all_was_read:
            return None
        sides = [side for side in self._sides.values() if not side.reader.comes_first]
        found = [one.merge_us for side in sides for one in side.waiting if one.merge_us > NEVER]
        deadline = self._worker.membership.next_deadline(self.stream)
        return min(found if deadline is None else [*found, deadline], default=None)

    def is_prompt(self, still_us: int) -> bool:
        """Whether time may be moved by the clock as soon as something is due; else when it has stood still so long."""
        return self._all_was_read and all(side.reader.is_prompt(still_us) for side in self._sides.values())

    def soon_quiet_until(self, watermark_us: int) -> int:
        """Return up to where `tick_to` may move the time, at most `watermark_us`."""
        return min(side.reader.soon_quiet_until(watermark_us) for side in self._sides.values())

    def would_move_to(self, watermark_us: int) -> bool:
        """Whether a tick to there moves any side's time."""
        if self._frontier_us is not None and watermark_us <= self._frontier_us:
            return False
        return any(side.watermark_us < watermark_us for side in self._sides.values())

    def tick(self, watermark_us: int) -> bool:
        """Move the time of all the partitions, if something waits for it or falls due by it."""
        earliest = self._worker.membership.next_deadline(self.stream)
        waits = any(
            one.merge_us < watermark_us or not self.follows for side in self._sides.values() for one in side.waiting
        )
        if not waits and (earliest is None or earliest > watermark_us):
            return False
        watermark_us = min(side.reader.quiet_until(watermark_us) for side in self._sides.values())
        if self.follows and watermark_us <= max((side.watermark_us for side in self._fed()), default=NEVER):
            return False
        return self.tick_to(watermark_us)

    def finish(self) -> bool:
        """Release everything that waits, by a tick just above it: the input has ended. False if nothing was left.

        A stream that follows another's time also goes the last bit of its way.
        """
        waiting = [one.merge_us for side in self._sides.values() for one in side.waiting]
        if waiting and max(waiting) == NEVER:  # rows of a table alone: they need no time
            self._release(NEVER + 1)
            return True
        if waiting:
            return self.tick_to(max(waiting) + 1)
        reached_us = self._reachable()
        if not self.follows or reached_us is None or reached_us <= (NEVER if (at := self._frontier_us) is None else at):
            return False
        self._release(reached_us)
        return True

    def tick_to(self, watermark_us: int) -> bool:
        """Move the time of all the partitions by a tick, and release what it lets go; False if it moves none."""
        if not self.would_move_to(watermark_us):
            return False
        ticks: list[Append] = []
        idle_at: dict[TopicPartition, int] = {}
        for part, side in self._sides.items():
            if side.watermark_us < watermark_us:
                ticks.append(tick_record(self._worker.group, part, side.place.next_offset, watermark_us))
                idle_at[part] = side.place.next_offset
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

    def _read_first(self) -> bool:
        """Read a batch of each table that was not read to its end; nothing is released before."""
        any_read = False
        for side in (side for side in self._sides.values() if not side.was_read):
            if self._read_side(side):
                any_read = True
            else:
                side.find_end(self._worker.broker)
            if self._frontier_us is None and side.waiting_bytes > self._worker.settings.merge_buffer_bytes:
                self._release(NEVER + 1)  # a long table goes on its way before any time is known
        return any_read or self._all_was_read

    def _read(self) -> bool:
        slowest = min(self._sides.values(), key=lambda side: side.watermark_us)
        any_read = False
        for side in self._sides.values():
            # A side that is far ahead waits for the others, so that memory stays bounded; the slowest one never does.
            if side.waiting_bytes <= self._worker.settings.merge_buffer_bytes or side is slowest:
                any_read |= self._read_side(side)
        return any_read

    def _read_side(self, side: MergeSide) -> bool:
        with self._worker.times.stage("read and decode"):
            rows = side.read(self._worker.settings, self._frontier_us)
        self._worker.times.count("repeats", rows.repeats)
        return not rows.empty or rows.repeats > 0  # who has read repeats alone is not at the end

    @property
    def _all_was_read(self) -> bool:
        return all(side.was_read for side in self._sides.values())

    def _fed(self) -> list[MergeSide]:
        return [side for side in self._sides.values() if side.reader.follows]

    def _worth_a_commit(self, frontier_us: int) -> bool:
        """Whether something is released or falls due by this frontier, or time has moved far enough to say so."""
        if self._frontier_us is None or frontier_us - self._frontier_us >= STRIDE_US:
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
        sides = self._sides
        late = {part: side.late_at for part, side in sides.items() if side.late_at is not None}
        extra = [*extra, *(tick_record(self._worker.group, part, *at) for part, at in late.items())]
        released = sorted(one for side in sides.values() for one in side.below(frontier_us))
        refused = [
            Refusal(TopicPartition(one.topic, one.partition), one.record, one.failure)
            for one in released
            if one.failure is not None
        ]
        kept = {part: side.kept(frontier_us) for part, side in sides.items()}
        self._worker.work(
            self.stream,
            self._segments([one for one in released if one.failure is None], frontier_us),
            refused,
            {part: place.to_offset(frontier_us) for part, (_, place) in kept.items()},
            watermark_us=frontier_us,
            extra=extra,
            idle_at=idle_at,
        )
        self._frontier_us = frontier_us
        for part, (waiting, _) in kept.items():
            sides[part].keep(waiting)

    def _segments(self, released: Sequence[Waiting], frontier_us: int) -> list[Segment]:
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

    def _segment(self, run: Sequence[Waiting], watermark_us: int) -> Segment:
        batches = [one.rows.batch.slice(one.row, 1) for one in run]
        batch = pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
        merged = pa.array([one.merge_us for one in run], pa.int64()).view(TIMESTAMP)
        batch = batch.set_column(batch.schema.get_field_index("watermark"), batch.schema.field("watermark"), merged)
        part = TopicPartition(run[0].topic, run[0].partition)
        return Segment(run[0].rows.topic, part, batch, [one.record for one in run], watermark_us)


def _reader(worker: Worker, topic: Topic, part: TopicPartition, ticks: Sequence[tuple[int, int]]) -> PartitionReader:
    """Return what reads one side of a merge: a plain input, a table, or what another pipeline's streams write."""
    pipeline, rules = worker.pipeline, worker.settings.rules
    if topic in pipeline.tables:
        return TableReader(worker.broker, topic, part, rules, ticks=ticks, answers=worker.answers)
    upstream = upstream_of(worker, topic, part.partition)
    if upstream is not None:
        return FedReader(worker.broker, topic, part, rules, upstream, ticks=ticks, answers=worker.answers)
    return PartitionReader(worker.broker, topic, part, rules, ticks=ticks)
