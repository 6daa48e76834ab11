"""One stream without an end, worked on for a moment at a time: what a runner calls again and again, with its state.

The tasks of the embedded engine read and work; their commits go to a memory in this process, from which the runner's
state is written. A tick that a process wrote and did not survive is read again: time moved there, so it moves there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from infra.broker import Broker, Commit, StateRow
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.stage_times import StageTimes
from pipelines.engines.stream_memory import Position, StreamMemory, position_of
from pipelines.engines.stream_reader import now_us, worker_of
from pipelines.engines.tasks import take_step, task_of
from pipelines.engines.ticks import read_ticks
from pipelines.pipeline import Pipeline
from schemas.dead_letters import DEAD_LETTERS
from schemas.record import Append
from schemas.ticks import TICKS


@dataclass(frozen=True, slots=True)
class Moment:
    """What came of a moment's work: records to write in order, ticks first; dead letters; and the memory that changed.

    `idle` says that there was nothing to do.
    """

    records: Sequence[Append]
    letters: Sequence[Append]
    states: Sequence[StateRow]
    idle: bool


class LiveStream:
    """A stream of a pipeline that goes on where its `memory` stands. `version` tells the state it was left in."""

    def __init__(
        self,
        pipeline: Pipeline,
        broker: Broker,
        memory: StreamMemory,
        settings: JobSettings,
        group: str,
        *,
        beside: Sequence[Pipeline] = (),
    ) -> None:
        self.memory = memory
        self.version: tuple[Position, int] = (position_of(memory.offsets), -1)
        self.times = StageTimes()
        self.told = 0.0  # when it was last said where it stands
        self._settings = settings
        self._quiet_since = time.monotonic()
        worker = worker_of(pipeline, broker, memory, settings, group, self.times, beside=beside)
        at = memory.offsets
        written = read_ticks(broker, group) if settings.tick_s is not None and TICKS.name in broker.topics() else {}
        ticks = {
            part: [tick for tick in written.get(part, ()) if part not in at or tick[0] >= at[part].next_offset]
            for part in memory.stream.parts
        }
        self._task = task_of(worker, memory.stream, ticks)

    @property
    def position(self) -> Position:
        """Where the stream stands."""
        return position_of(self.memory.offsets)

    def work(self, seconds: float) -> Moment:
        """Read and work until there is nothing, or so many seconds have passed; then tick if it is time to."""
        until = time.monotonic() + seconds
        idle = True
        while self._step():
            idle = False
            if time.monotonic() >= until:
                break
        else:
            idle = not self._tick() and idle
        return _moment(self.memory.taken(), idle)

    def _step(self) -> bool:
        stepped, quiet = take_step(self._task)
        if not quiet:
            self._quiet_since = time.monotonic()
        return stepped

    def _tick(self) -> bool:
        tick_s = self._settings.tick_s
        if tick_s is None or time.monotonic() - self._quiet_since < tick_s:
            return False
        self._quiet_since = time.monotonic()
        return self._task.tick(now_us() - self._settings.rules.lateness_us)


def _moment(commits: Sequence[Commit], idle: bool) -> Moment:
    appends = [one for commit in commits for one in commit.appends]
    letters = [one for one in appends if one.topic == DEAD_LETTERS.name]
    # What follows from a tick must never be seen without it.
    others = (one for one in appends if one.topic != DEAD_LETTERS.name)
    records = sorted(others, key=lambda one: one.topic != TICKS.name)
    return Moment(records, letters, [row for commit in commits for row in commit.states], idle)
