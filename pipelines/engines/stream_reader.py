"""Read a stream as portions, for an engine that reads in one place and works in another.

The tasks of the embedded engine do the reading, so batches, ticks and merges are cut by the same rules; here their
worker only writes down what there is to do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

from infra.broker import Broker, Offset, Stream, TopicPartition
from pipelines.engines.beam.elements import Portion, Run, Ticks
from pipelines.engines.dead_letter import DeadLetterWriter
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.stage_times import StageTimes
from pipelines.engines.stream_memory import Position, StreamMemory, position_of
from pipelines.engines.tasks import task_of
from pipelines.engines.work import Refusal, Segment, Worker
from pipelines.pipeline import Pipeline
from pipelines.version import VERSION
from schemas.record import Append, Record

ENGINE = "beam"


def now_us() -> int:
    """Read the clock: microseconds since 1970."""
    return time.time_ns() // 1000


def worker_of(
    pipeline: Pipeline,
    broker: Broker,
    memory: StreamMemory,
    settings: JobSettings,
    group: str,
    times: StageTimes,
    *,
    beside: Sequence[Pipeline] = (),
) -> Worker:
    """Return a worker whose commits go to `memory`."""
    letters = DeadLetterWriter(group, ENGINE, VERSION)
    return Worker(
        pipeline, broker, memory, settings, group=group, letters=letters, times=times, clock=now_us, beside=beside
    )


class ReadUntil:
    """The part of the port that a task reads by, with an end that does not move while others write on."""

    def __init__(self, broker: Broker, ends: Mapping[TopicPartition, int]) -> None:
        self._broker = broker
        self._ends = ends

    def bounds(self, part: TopicPartition) -> tuple[int, int]:
        """Return (first offset that is kept, the end that was seen)."""
        return self._broker.bounds(part)[0], self._ends[part]

    def settled(self, topics: Sequence[str]) -> bool:
        """Tell whether everything that is written in these topics can be read."""
        return self._broker.settled(topics)

    def places(self, group: str) -> dict[TopicPartition, Offset]:
        """Return where a group goes on: for a stream that follows another pipeline's time."""
        return self._broker.places(group)

    def read(self, part: TopicPartition, offset: int, *, max_records: int, max_bytes: int) -> list[Record]:
        """Return records from `offset` on, none from behind the end."""
        end = self._ends[part]
        if offset >= end:
            return []
        records = self._broker.read(part, offset, max_records=min(max_records, end - offset), max_bytes=max_bytes)
        return [record for record in records if record.offset < end]


class _Noting(Worker):
    """A worker that does nothing but write down what there is to do."""

    noted: list[Portion]
    position: Position

    def work(
        self,
        stream: Stream,
        segments: Sequence[Segment],
        refused: Sequence[Refusal],
        offsets: Mapping[TopicPartition, Offset],
        *,
        watermark_us: int | None,
        extra: Sequence[Append] = (),
        idle_at: Mapping[TopicPartition, int] | None = None,
    ) -> None:
        memory = cast(StreamMemory, self.membership)
        memory.offsets.update(offsets)
        runs = [Run(one.part, one.batch, one.records, one.watermark_us) for one in segments]
        name = self.pipeline.name
        portion = Portion(name, stream, self.position, dict(offsets), runs, refused, watermark_us, extra)
        self.position = position_of(memory.offsets)
        self.noted.append(portion)


class StreamReader:
    """Reads one stream from where a group stands. `offsets` is where it stands behind what was read last."""

    def __init__(
        self,
        pipeline: Pipeline,
        broker: Broker,
        stream: Stream,
        offsets: Mapping[TopicPartition, Offset],
        settings: JobSettings,
        *,
        ticks: Ticks | None = None,
        group: str = "",
    ) -> None:
        self.times = StageTimes()
        self._memory = StreamMemory(stream, dict(offsets))
        letters = DeadLetterWriter(group, ENGINE, VERSION)
        self._noting = _Noting(
            pipeline, broker, self._memory, settings, group=group, letters=letters, times=self.times, clock=now_us
        )
        self._noting.noted = []
        self._noting.position = position_of(offsets)
        self._task = task_of(self._noting, stream, ticks or {})

    def until(self, ends: Mapping[TopicPartition, int], stopped: Callable[[], bool]) -> Iterator[Portion]:
        """Give everything up to these ends; a merge then releases what waits, for the input has ended."""
        while not stopped():
            if not (self._step(ends) or self._finish(ends)):
                return
            yield from self._taken()

    def _step(self, ends: Mapping[TopicPartition, int]) -> bool:
        return (self._task.follows or not self._task.at_end(ends)) and self._task.step()

    def _finish(self, ends: Mapping[TopicPartition, int]) -> bool:
        return self._task.all_read(ends) and self._task.finish()

    def _taken(self) -> list[Portion]:
        noted, self._noting.noted = self._noting.noted, []
        return noted
