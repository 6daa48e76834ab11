"""The work on one stream that is a partition of one topic: read, work, commit; and how it survives deaths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import pyarrow as pa

from infra.broker import Attempt, Stream, TopicPartition
from pipelines.engines.dead_letter import Failure
from pipelines.engines.partition_reader import PartitionReader, Rows, Taken, rows_of
from pipelines.engines.stage_times import Interval
from pipelines.engines.taken_over import taken_over
from pipelines.engines.ticks import tick_record
from pipelines.engines.work import Refusal, Segment, SmallStep, Worker


class StreamTask:
    """Works through one partition for one pipeline.

    Made when the stream is taken over and thrown away when it is lost: it holds nothing that is not committed. Its time
    is its own, so `follows` and `frontier_us`, of which a merge has more to say, are always the same.
    """

    follows: ClassVar[bool] = False
    frontier_us: ClassVar[None] = None

    def __init__(self, worker: Worker, stream: Stream, *, ticks: Sequence[tuple[int, int]] = ()) -> None:
        (self._part,) = stream.parts
        self.stream = stream
        self._worker = worker
        source = next(topic for topic in worker.pipeline.sources if topic.name == self._part.topic)
        self._reader = PartitionReader(worker.broker, source, self._part, worker.settings.rules, ticks=ticks)
        self._place, _ = taken_over(worker, self._part)
        self._ahead: tuple[Taken, Interval] | None = None
        # Work that an earlier process began and did not survive.
        self._died: Attempt | None = worker.membership.attempt(stream)

    def at_end(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Whether everything up to these ends has been worked through."""
        return self._place.next_offset >= ends[self._part] and not self._reader.has_tick(self._place)

    def all_read(self, ends: Mapping[TopicPartition, int]) -> bool:
        """What was read was worked through."""
        return self.at_end(ends)

    def finish(self) -> bool:
        """Nothing waits for more to come."""
        return False

    def look_ahead(self) -> tuple[Attempt, int] | None:
        """Take what the next step works on; return what is to be remembered before it, and how many records it has.

        None when there is nothing to be worked on, or what must be worked on alone: after a death one must know where
        the next one happened, so nothing else may be under way then.
        """
        if self._died is not None and self._place.next_offset < self._died.until:
            return None
        taken = self._take()
        self._ahead = taken, self._worker.times.intervals.pop()
        if not taken.records:
            return None
        return Attempt(self._place.next_offset, taken.after.next_offset, 1), len(taken.records)

    def step(self) -> bool:
        """Read some records, work on them and commit; False when there were none."""
        settings = self._worker.settings
        first = self._place.next_offset
        if self._died is not None and first >= self._died.until:
            self._died = None
        taken = self._take() if self._ahead is None else self._taken_ahead()
        with self._worker.times.stage("read and decode"):
            (rows,) = rows_of([self._reader], [taken])
        self._worker.times.count("repeats", rows.repeats)
        if rows.empty:
            if rows.after == self._place:
                return False
            # A replay has come to a tick behind the last record: time moves, and what is due by it fires.
            self._commit(rows)
            return True
        deaths = self._deaths_at(first)
        if deaths >= settings.crash_deaths:
            self._give_up(rows, deaths)
        else:
            until = self._died.until if self._died else rows.after.next_offset
            self._worker.membership.begin_attempt(self.stream, Attempt(first, until, deaths + 1))
            self._commit(rows)
        return True

    def _taken_ahead(self) -> Taken:
        assert self._ahead is not None
        (taken, took), self._ahead = self._ahead, None
        self._worker.times.intervals.append(took)
        return taken

    def _take(self) -> Taken:
        settings = self._worker.settings
        with self._worker.times.stage("read and decode"):
            return self._reader.take(
                self._place,
                # After a death its records are taken one at a time, so that the next death names the one to blame.
                max_records=1 if self._died else settings.batch_records,
                max_bytes=settings.batch_bytes,
            )

    def tick(self, watermark_us: int) -> bool:
        """Move a quiet partition's time if something falls due by it; the observation is part of the commit."""
        earliest = self._worker.membership.next_deadline(self.stream)
        if earliest is None or earliest > watermark_us:
            return False
        place = self._place.raised_to(watermark_us)
        tick = tick_record(self._worker.group, self._part, place.next_offset, watermark_us)
        nothing = pa.RecordBatch.from_pylist([], schema=self._reader.topic.row_schema)
        self._worker.work(
            self.stream,
            [Segment(self._reader.topic, self._part, nothing, [], watermark_us)],
            [],
            {self._part: place.to_offset()},
            watermark_us=watermark_us,
            extra=[tick],
            idle_at={self._part: place.next_offset},
        )
        self._place = place
        return True

    def _deaths_at(self, offset: int) -> int:
        """How many processes have died in the work that holds the record at this offset."""
        if self._died is None:
            return 0
        return self._died.deaths if offset == self._died.offset else 1

    def _commit(self, rows: Rows) -> None:
        small = self._small_step(rows)
        self._worker.work(
            self.stream, [small.segment], small.refused, small.offsets, watermark_us=small.segment.watermark_us
        )
        self._place = rows.after

    def _small_step(self, rows: Rows) -> SmallStep:
        watermark_us = rows.after.watermark_us(self._worker.settings.rules.lateness_us)
        return SmallStep(
            self.stream,
            Segment(rows.topic, self._part, rows.batch, rows.records, watermark_us),
            [Refusal(self._part, record, failure) for record, failure in rows.refused],
            {self._part: rows.after.to_offset()},
        )

    def _give_up(self, rows: Rows, deaths: int) -> None:
        """Make dead letters of what killed the process so often, without working on it."""
        failure = Failure(
            "INFER", "crash_loop", f"the process died {deaths} times while it worked on this record", attempts=deaths
        )
        records = [*rows.records, *(record for record, _ in rows.refused)]
        # Its rows were never seen, so they move no time.
        place = replace(rows.after, high_us=self._place.high_us)
        self._worker.work(
            self.stream,
            [],
            [Refusal(self._part, record, failure) for record in records],
            {self._part: place.to_offset()},
            watermark_us=None,
        )
        self._place = place


def step_in_lanes(tasks: Sequence[StreamTask]) -> None:
    """Work on what tasks of one topic have looked ahead at, as one batch; to be committed by who calls."""
    worker = tasks[0]._worker
    taken = [task._taken_ahead() for task in tasks]
    with worker.times.stage("read and decode"):
        rows = rows_of([task._reader for task in tasks], taken)
    worker.times.count("repeats", sum(one.repeats for one in rows))
    worker.work_in_lanes([task._small_step(own) for task, own in zip(tasks, rows, strict=True)])
    for task, own in zip(tasks, rows, strict=True):
        task._place = own.after
