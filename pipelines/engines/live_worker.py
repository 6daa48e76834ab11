"""A worker on the portions of a stream without an end: it makes ticks, and knows those that were made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pyarrow as pa

from infra.broker import Offset, TopicPartition
from pipelines.engines.beam_elements import Portion, Run
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.late_ticks import with_ticks
from pipelines.engines.portion_worker import Outcome, PortionWorker
from pipelines.engines.stage_times import StageTimes
from pipelines.engines.stream_memory import StreamMemory
from pipelines.engines.ticks import tick_record
from pipelines.pipeline import Pipeline


class LiveWorker(PortionWorker):
    """A portion worker with a count of its `steps`, and with ticks: `floor_us` is the highest up to where it stands."""

    def __init__(
        self, pipeline: Pipeline, memory: StreamMemory, settings: JobSettings, group: str, times: StageTimes
    ) -> None:
        super().__init__(pipeline, memory, settings, group, times)
        self.steps = 0
        self.floor_us: int | None = None
        self._pipeline = pipeline
        self._group = group
        self._ticks: list[tuple[int, int]] = []

    def know(self, ticks: Iterable[tuple[int, int]]) -> None:
        """Learn of ticks that were made before: (offset, watermark)."""
        self._ticks = sorted({*self._ticks, *ticks})
        self._settle()

    def work(self, portion: Portion) -> Outcome:
        """Do the work of the next portion, with time as the ticks have it."""
        outcome = super().work(with_ticks(portion, self._pipeline, self._ticks))
        self._settle()
        return outcome

    def tick(self, beat: Portion, floor_us: int | None) -> Portion | None:
        """Return the tick that a quiet partition needs, as a portion; None when nothing falls due by it."""
        watermark_us = beat.watermark_us
        earliest = self.memory.next_deadline(beat.stream)
        if watermark_us is None or earliest is None or earliest > watermark_us:
            return None
        if floor_us is not None and floor_us >= watermark_us:
            return None
        (part,) = beat.stream.parts
        following = self.memory.offsets[part].next_offset
        self._ticks.append((following, watermark_us))
        source = next(topic for topic in self._pipeline.sources if topic.name == part.topic)
        nothing = Run(part, pa.RecordBatch.from_pylist([], schema=source.row_schema), [], watermark_us)
        tick = tick_record(self._group, part, following, watermark_us)
        offsets: dict[TopicPartition, Offset] = dict(self.memory.offsets)
        return replace(beat, beat=False, offsets=offsets, runs=[nothing], extra=[tick])

    def _settle(self) -> None:
        """Forget the ticks that lie behind, but for the highest of them."""
        if len(self.memory.stream.parts) != 1 or not self.memory.offsets:
            return
        following = next(iter(self.memory.offsets.values())).next_offset
        behind = [watermark_us for offset, watermark_us in self._ticks if offset <= following]
        if behind:
            self.floor_us = max(behind)
            ahead = [tick for tick in self._ticks if tick[0] > following]
            self._ticks = [(0, self.floor_us), *ahead]
