"""The Beam engine: pipelines compiled to a Beam pipeline, run on this machine's processes or on a cluster.

With an end (`until_end`): everything that lies in the sources from where the group stands to the end that was seen at
the start, several pipelines one layer after the other. Outputs are written at least once with deterministic ids, and
when all of them are written, offsets and memory are committed; so a job that died is simply run again.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from infra.broker import Broker, StateRow, Stream
from models.cpu_quota import cpu_quota
from pipelines.engines.beam import worker as beam_worker
from pipelines.engines.beam.elements import StreamRange, Ticks
from pipelines.engines.beam.errors import original_error
from pipelines.engines.embedded_engine import JobReport
from pipelines.engines.graph import streams_of, topics_of
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.layers import layers
from pipelines.engines.own_brokers import OpenBroker
from pipelines.engines.stage_times import StageTimes
from pipelines.pipeline import Pipeline

if TYPE_CHECKING:
    from infra.local.flink import LocalFlink
    from pipelines.engines.beam.cluster import Cluster
    from pipelines.engines.beam.job import BeamJob

# Processes of their own take seconds to start and to load models; below so many rows that does not come back.
WORTH_IT_WITH_MODELS, WORTH_IT_WITHOUT = 5_000, 200_000
LOOK_S = 0.1


class MemoryElsewhere(ValueError):
    """A group's memory lies in a checkpoint or savepoint that was not named."""


class NoEnd(ValueError):
    """A stream without an end was to be run where only what ends can be."""


class BeamEngine:
    """Runs pipelines by Beam.

    `broker` is used here to plan; worker processes open their own by `open_broker`. `processes`: how many do the work
    (default: one for each CPU to use, or this one alone where that is sooner done). `ticks` are observations to
    repeat, for replay, by pipeline. `cluster`: where the work is done instead of here; only there has a job no end, and
    when it is stopped, `savepoint` says where it goes on.
    """

    def __init__(
        self,
        broker: Broker,
        settings: JobSettings | None = None,
        *,
        open_broker: OpenBroker,
        group: str = "hubbub",
        instance: str | None = None,
        ticks: Mapping[str, Ticks] | None = None,
        processes: int | None = None,
        cluster: Cluster | None = None,
    ) -> None:
        self._broker = broker
        self._settings = settings or JobSettings()
        self._open = open_broker
        self._group = group
        self._instance = instance
        self._ticks = ticks or {}
        self._processes = processes
        self._cluster = cluster
        self.savepoint: str | None = None
        self.report = JobReport()

    def run(
        self, pipelines: Sequence[Pipeline], *, stop: threading.Event | None = None, until_end: bool = False
    ) -> JobReport:
        """Run to the end that is seen now, or until `stop` is set: then what was begun is ended and committed."""
        if not until_end and self._cluster is None:
            raise NoEnd("Beam's local runner works on what has an end: add --until-end, or name --runner FlinkRunner")
        quiet()
        stop = stop or threading.Event()
        self.report.pipelines = {pipeline.name: StageTimes() for pipeline in pipelines}
        self._broker.expect_topics(topics_of(pipelines))
        started = time.monotonic()
        with quiet_threads(), nullcontext() if self._cluster is None else self._cluster.server() as server:
            if not until_end:
                self._run_streams(pipelines, stop, server)
            for layer in layers(pipelines) if until_end else ():
                # Who follows another's time goes on with it, though there be nothing to read.
                ranges = [one for pipeline in layer for one in self._ranges(pipeline, whole=bool(pipeline.upstream))]
                if ranges and not stop.is_set():
                    self._run_layer(layer, ranges, stop, server)
        self.report.seconds = time.monotonic() - started
        return self.report

    def complaints(self) -> list[str]:
        """Say nothing: a range ends or fails, and a cluster watches its own workers."""
        return []

    def _ranges(self, pipeline: Pipeline, *, whole: bool = False) -> list[StreamRange]:
        """Return what there is to do for a pipeline: a range for each stream, with the memory that it begins with.

        Those without anything to do are left out unless the `whole` is wanted.
        """
        group = f"{self._group}-{pipeline.name}"
        sources = [topic.name for topic in pipeline.sources]
        while not self._broker.settled(sources):  # what an open transaction hides comes to light, or is given up
            self._broker.wait(self._settings.poll_s)
        ends = self._broker.ends(sources)
        ticks = self._ticks.get(pipeline.name, {})
        ranges = [
            StreamRange(
                pipeline.name,
                stream,
                {part: at for part in stream.parts if (at := self._broker.committed(group, part)) is not None},
                {part: ends[part] for part in stream.parts},
                ticks={part: ticks[part] for part in stream.parts if part in ticks},
            )
            for stream in streams_of(pipeline)
        ]
        ranges = [one for one in ranges if whole or one.length or one.ticks]
        memory = self._memory(pipeline, group) if ranges else {}
        return [replace(one, memory=memory.get(one.stream, ())) for one in ranges]

    def _memory(self, pipeline: Pipeline, group: str) -> dict[Stream, Sequence[StateRow]]:
        """Return what the group remembers; nobody else may be at work in it."""
        from pipelines.engines.beam.bounded import wait_for_streams

        streams = streams_of(pipeline)
        if not pipeline.keyed or group not in self._broker.groups():
            return {}
        membership = self._broker.join(group, self._instance, streams)
        try:
            wait_for_streams(membership, streams, group)
            return {stream: membership.memory(stream) for stream in streams}
        finally:
            membership.leave()

    def _run_layer(
        self,
        layer: Sequence[Pipeline],
        ranges: Sequence[StreamRange],
        stop: threading.Event,
        server: LocalFlink | None,
    ) -> None:
        # Beam takes seconds to import, so it is imported when it is used.
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions

        from pipelines.engines.beam.bounded import build
        from pipelines.engines.beam.cluster import run_ranges
        from pipelines.engines.beam.loopback import on_loopback

        if self._cluster is not None:
            run_ranges(self._cluster, server, self._job(layer), ranges, self._count)
            return
        processes = self._processes or _processes_for(layer, ranges)
        options = PipelineOptions(flags=[], direct_num_workers=processes)
        with TemporaryDirectory(prefix="hubbub-beam-") as folder:
            halt = Path(folder) / "halt"
            job = replace(self._job(layer), threads=max(1, cpu_quota() // processes), halt=halt)
            pipeline = beam.Pipeline(_local_runner(processes), options)
            build(pipeline, job, ranges, processes)
            with on_loopback():
                result = _run_apart(pipeline, stop, halt)
        self._count(result)

    def _job(self, pipelines: Sequence[Pipeline]) -> BeamJob:
        from pipelines.engines.beam.job import BeamJob

        named = {pipeline.name: pipeline for pipeline in pipelines}
        return BeamJob(named, self._open, self._settings, self._group, self._instance, run=uuid.uuid4().hex)

    def _run_streams(self, pipelines: Sequence[Pipeline], stop: threading.Event, server: LocalFlink | None) -> None:
        from pipelines.engines.beam.cluster import run_streams
        from pipelines.engines.place import ELSEWHERE

        assert self._cluster is not None
        streams = [replace(one, ends={}) for pipeline in pipelines for one in self._ranges(pipeline, whole=True)]
        for one in streams:
            if self._cluster.savepoint is None and any(at.note.startswith(ELSEWHERE) for at in one.offsets.values()):
                raise MemoryElsewhere(
                    f"group {self._group}-{one.pipeline} stands where a Beam job left it, and what it remembers lies "
                    "in that job's savepoint: go on by --from-savepoint, or begin under another --group"
                )
        self.savepoint = run_streams(self._cluster, server, self._job(pipelines), streams, stop, self._count)

    def _count(self, result: Any) -> None:
        from pipelines.engines.beam.job import METRICS, MICROSECONDS

        for counter in result.metrics().query()["counters"]:
            if counter.key.metric.namespace != METRICS:
                continue
            pipeline, _, name = counter.key.metric.name.partition("/")
            times = self.report.pipelines[pipeline]
            if name.endswith(MICROSECONDS):
                stage = name.removesuffix(MICROSECONDS)
                times.seconds[stage] = times.seconds.get(stage, 0.0) + counter.result / 1e6
            elif counter.result:
                times.count(name, counter.result)


def _processes_for(layer: Sequence[Pipeline], ranges: Sequence[StreamRange]) -> int:
    with_models = {one.name for one in layer if any(hasattr(operator, "model") for operator in one.operators)}
    rows = {True: 0, False: 0}
    for one in ranges:
        rows[one.pipeline in with_models] += one.length
    worth_it = rows[True] >= WORTH_IT_WITH_MODELS or sum(rows.values()) >= WORTH_IT_WITHOUT
    return cpu_quota() if worth_it else 1


def _run_apart(pipeline: Any, stop: threading.Event, halt: Path) -> Any:
    """Run a Beam pipeline in a thread of its own, so that this one can hear a wish to stop and pass it on."""
    found: list[Any] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            result = pipeline.run()
            result.wait_until_finish()
            found.append(result)
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread below
            errors.append(error)

    thread = threading.Thread(target=work, name="beam")
    thread.start()
    while thread.is_alive():
        thread.join(LOOK_S)
        if stop.is_set() and not halt.exists():
            halt.touch()
    if errors:
        raise original_error(errors[0]) from errors[0]
    return found[0]


def _local_runner(processes: int) -> Any:
    """Return the local runner of Beam's that needs no download and no Java; never the one that Beam would choose."""
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    from apache_beam.transforms.environments import SubprocessSDKEnvironment

    if processes == 1:
        return FnApiRunner()
    return FnApiRunner(default_environment=SubprocessSDKEnvironment.from_command_string(beam_worker.command()))


def quiet() -> None:
    """Keep Beam's remarks off stderr; what goes wrong is raised."""
    logging.getLogger().addHandler(logging.NullHandler())  # or Beam would make one that writes to stderr
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)


@contextmanager
def quiet_threads() -> Iterator[None]:
    """Keep the last words of Beam's threads off stderr, which find their connections gone when a job has ended."""
    before = threading.excepthook

    def hook(arguments: threading.ExceptHookArgs) -> None:
        module = type(arguments.exc_value).__module__
        if not module.startswith("grpc") and "Worker subprocess exited" not in str(arguments.exc_value):
            before(arguments)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before
