"""The embedded engine: pipelines on one machine, in one process or several, exactly once for committed readers.

One thread a pipeline; each works through the streams that its consumer group gives to this process. A step's
outputs, alerts, dead letters, ticks, memory and offsets are one transaction of the broker.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field

from infra.broker import Broker, BrokerUnavailable, Membership, Stream
from pipelines.engines.dead_letter import DeadLetterWriter
from pipelines.engines.graph import feeds, streams_of, topics_of
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.pipeline_loop import PipelineLoop
from pipelines.engines.stage_times import StageTimes
from pipelines.engines.step_watch import StepWatch
from pipelines.engines.tasks import Ticks
from pipelines.engines.upstream_time import has_come_as_far
from pipelines.engines.watchdog import STILL_S, Pulse, Watchdog
from pipelines.engines.work import Worker
from pipelines.pipeline import Pipeline
from pipelines.version import VERSION

__all__ = ["EmbeddedEngine", "JobReport", "Ticks"]


# How long a thread keeps the interpreter while others want it. By Python's default, 5 ms, a thread that waits for a
# broker's answer gets on a turn later each time. Shorter turns cost a twentieth of the throughput (BENCHMARKS.md), so
# a bounded run, for which nobody waits, does without.
TURN_S = 0.001


@contextmanager
def _short_turns() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, TURN_S))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _now_us() -> int:
    return time.time_ns() // 1000


@dataclass(slots=True)
class JobReport:
    """What a job did: times and counts by pipeline."""

    pipelines: dict[str, StageTimes] = field(default_factory=dict)
    seconds: float = 0.0

    def total(self, name: str) -> int:
        """Sum a count ("in", "out", "dead letters") over the pipelines."""
        return sum(times.rows.get(name, 0) for times in self.pipelines.values())


class EmbeddedEngine:
    """Runs pipelines on a broker.

    `group` names the consumer groups: `<group>-<pipeline>`. `instance` tells several processes of one group apart
    (default: the first free slot). `clock` gives microseconds since 1970, and is read only where something is written
    down about this run: ticks and the time of a failure. `ticks` are observations to repeat, for replay, by pipeline.
    For an engine that works by this one's steps: `engine` is the name that dead letters give, `decided` gives the ticks
    that an earlier process decided on a stream and did not finish, where a commit is not one transaction. `watch` is
    told of each step.
    """

    def __init__(
        self,
        broker: Broker,
        settings: JobSettings | None = None,
        *,
        group: str = "hubbub",
        instance: str | None = None,
        clock: Callable[[], int] = _now_us,
        ticks: Mapping[str, Ticks] | None = None,
        engine: str = "embedded",
        decided: Callable[[Membership, Stream], Ticks] | None = None,
        watch: StepWatch | None = None,
    ) -> None:
        self._broker = broker
        self._settings = settings or JobSettings()
        self._group = group
        self._instance = instance
        self._clock = clock
        self._ticks = ticks or {}
        self._engine = engine
        self._decided = decided
        self._watch = watch
        self._pulses: dict[str, Pulse] = {}
        self.savepoint: str | None = None  # memory lies with the broker
        self.report = JobReport()

    def run(
        self, pipelines: Sequence[Pipeline], *, stop: threading.Event | None = None, until_end: bool = False
    ) -> JobReport:
        """Run until `stop` is set, or with `until_end` until everything that lies in the sources is worked through.

        Raises what went wrong in a pipeline (an outage, a bug, a mismatch); what was committed before stays, and a
        later run goes on there.
        """
        stop = stop or threading.Event()
        self.report.pipelines = {pipeline.name: StageTimes() for pipeline in pipelines}
        self._prepare(pipelines)
        started = time.monotonic()
        errors: list[BaseException] = []
        halt = threading.Event()

        def work(pipeline: Pipeline) -> None:
            try:
                self._run_pipeline(pipeline, pipelines, stop, halt, until_end)
            except BaseException as error:  # noqa: BLE001 - handed to the caller's thread below
                errors.append(error)
                halt.set()

        threads = [threading.Thread(target=work, args=(pipeline,), name=pipeline.name) for pipeline in pipelines]
        self._pulses = {pipeline.name: Pulse(pipeline.name) for pipeline in pipelines}
        with nullcontext() if until_end else _short_turns(), Watchdog(list(self._pulses.values())):
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.report.seconds = time.monotonic() - started
        if errors:
            raise errors[0]
        return self.report

    def complaints(self) -> list[str]:
        """Say what stands still for longer than a minute though there is something to do: one sentence each."""
        now = time.monotonic()
        return [one for pulse in list(self._pulses.values()) for one in pulse.complaints(now, STILL_S).values()]

    def _prepare(self, pipelines: Sequence[Pipeline]) -> None:
        for pipeline in pipelines:
            for operator in pipeline.operators:
                # Models load before any work begins, so that a death in loading is not blamed on a record.
                model = getattr(operator, "model", None)
                if model is not None:
                    model.load()
        self._broker.expect_topics(topics_of(pipelines))

    def _run_pipeline(
        self,
        pipeline: Pipeline,
        pipelines: Sequence[Pipeline],
        stop: threading.Event,
        halt: threading.Event,
        until_end: bool,
    ) -> None:
        settings = self._settings
        group = f"{self._group}-{pipeline.name}"
        membership = self._broker.join(group, self._instance, streams_of(pipeline))
        worker = Worker(
            pipeline,
            self._broker,
            membership,
            settings,
            group=group,
            letters=DeadLetterWriter(group, self._engine, VERSION),
            times=self.report.pipelines[pipeline.name],
            clock=self._clock,
            beside=pipelines,
            watch=self._watch,
        )
        decided = self._decided
        loop = PipelineLoop(
            worker,
            ended=lambda: stop.is_set() or halt.is_set(),
            is_fed=lambda: self._is_fed(pipeline, pipelines),
            is_through=lambda: self._is_through(pipeline),
            until_end=until_end,
            pulse=self._pulses[pipeline.name],
            ticks=self._ticks.get(pipeline.name, {}),
            maintain=(lambda: self._broker.maintain(self._clock())) if pipeline is pipelines[0] else None,
            decided=None if decided is None else (lambda stream: decided(membership, stream)),
        )
        try:
            loop.run()
        finally:
            # An end by an exception is orderly too: only a death leaves attempts behind. A broker that is gone keeps
            # them.
            with suppress(BrokerUnavailable):
                membership.leave()

    def _is_fed(self, pipeline: Pipeline, pipelines: Sequence[Pipeline]) -> bool:
        """Whether all that feeds a pipeline is through, from the first of the chain on."""
        return all(
            self._is_fed(other, [one for one in pipelines if one is not pipeline]) and self._is_through(other)
            for other in pipelines
            if feeds(other, pipeline)
        )

    def _is_through(self, pipeline: Pipeline) -> bool:
        """Whether a pipeline's group has committed everything that lies in its sources, in whatever process.

        One that follows another's time has also come as far as that: what falls due until then is done.
        """
        if not self._broker.settled([topic.name for topic in pipeline.sources]):
            return False
        for stream in streams_of(pipeline):
            for part in stream.parts:
                first, end = self._broker.bounds(part)
                offset = self._broker.committed(f"{self._group}-{pipeline.name}", part)
                if (first if offset is None else offset.next_offset) < end:
                    return False
        return not pipeline.upstream or has_come_as_far(
            self._broker, self._group, pipeline, self._settings.rules.lateness_us
        )
