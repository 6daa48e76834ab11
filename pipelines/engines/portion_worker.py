"""Work on the portions of one stream, in their order, with the memory of its keys in this process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from infra.broker import Broker, StateRow
from pipelines.engines.beam.elements import Portion
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.stage_times import StageTimes
from pipelines.engines.stream_memory import StreamMemory, position_of
from pipelines.engines.stream_reader import worker_of
from pipelines.engines.work import Segment
from pipelines.pipeline import Pipeline
from schemas.dead_letters import DEAD_LETTERS
from schemas.record import Append


class BrokenChain(Exception):
    """A portion came that does not follow the one before: rows would be lost or done twice."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a portion: records to write in order, dead letters, and the memory that changed."""

    records: Sequence[Append]
    letters: Sequence[Append]
    states: Sequence[StateRow]


class PortionWorker:
    """Works on one stream of a pipeline, whose `memory` says where it stands. It never touches a broker."""

    def __init__(
        self, pipeline: Pipeline, memory: StreamMemory, settings: JobSettings, group: str, times: StageTimes
    ) -> None:
        self.memory = memory
        self.times = times
        self.before = position_of(memory.offsets)
        self._sources = {topic.name: topic for topic in pipeline.sources}
        nowhere = cast(Broker, None)  # a worker keeps a broker only for the task that reads for it
        self._worker = worker_of(pipeline, nowhere, memory, settings, group, times)

    def work(self, portion: Portion) -> Outcome:
        """Do the work of the next portion; BrokenChain if it is not the next one."""
        stands = position_of(self.memory.offsets)
        if portion.before != stands:
            raise BrokenChain(
                f"{portion.pipeline}, {portion.stream.name}: expected the portion behind {stands}, got the one behind "
                f"{portion.before}; nothing of it was done"
            )
        segments = [
            Segment(self._sources[one.part.topic], one.part, one.batch, one.records, one.watermark_us)
            for one in portion.runs
        ]
        self._worker.work(
            portion.stream,
            segments,
            portion.refused,
            portion.offsets,
            watermark_us=portion.watermark_us,
            extra=portion.extra,
        )
        (commit,) = self.memory.taken()
        letters = [one for one in commit.appends if one.topic == DEAD_LETTERS.name]
        records = [one for one in commit.appends if one.topic != DEAD_LETTERS.name]
        return Outcome(records, letters, commit.states)
