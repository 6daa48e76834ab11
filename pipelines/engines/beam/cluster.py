"""Where a Beam job runs when not on this machine's processes alone: Flink, or whatever speaks Beam's job protocol.

A job without an end keeps its memory and its places in checkpoints, so they are on, and refused when off: without them
a worker's death would lose the memory of every key.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.flink import LOCAL, LocalFlink, latest_state
from models.cpu_quota import cpu_quota
from pipelines.engines.beam.elements import StreamRange
from pipelines.engines.beam.errors import BeamFailed, original_error
from pipelines.engines.own_brokers import close_shared

if TYPE_CHECKING:
    from pipelines.engines.beam.job import BeamJob

LOOK_S = 0.25
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
# Fixed, because a savepoint can only be taken up with the same.
MOST_PARALLEL = 128
# A bundle waits so long for more, so latency is this at the least.
BUNDLE_MS = 100
# Of `savepoint`: the newest that a Flink on this machine kept.
LATEST = "latest"
DATAFLOW = "DataflowRunner"


class WrongCluster(ValueError):
    """What was said about the cluster cannot be: says what was expected."""


@dataclass(frozen=True)
class Cluster:
    """What runs the job. `runner` is FlinkRunner (a job server is started here, for the Flink `master`: HOST:PORT, or
    `[local]` for one inside it), PortableRunner (whose `options` name a job_endpoint) or DataflowRunner (docs/beam.md).

    `checkpoint_s`: how often its state is kept. `savepoint`: where to go on. `options` are Beam's own, by name.
    `directory`: for the files of a Flink on this machine; its checkpoints and savepoints lie there.
    """

    runner: str
    master: str = LOCAL
    checkpoint_s: float = 10.0
    savepoint: str | None = None
    parallelism: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    directory: Path = Path("hubbub-flink")

    def __post_init__(self) -> None:
        """Refuse what would lose memory, or could not start."""
        if self.checkpoint_s <= 0 or _off(self.options.get("checkpointing_interval")):
            raise WrongCluster(
                "expected checkpoints, got none: a job without them loses the memory of every key when a worker dies; "
                "set how often by --checkpoint-s"
            )
        if self.runner == "PortableRunner" and "job_endpoint" not in self.options:
            raise WrongCluster("PortableRunner needs the address of a job server: --beam-option job_endpoint=HOST:PORT")
        if self.runner == "FlinkRunner" and self._is_remote and "environment_type" not in self.options:
            raise WrongCluster(
                f"the Flink at {self.master} must know how its machines start Python workers, for example "
                "--beam-option environment_type=DOCKER --beam-option environment_config=IMAGE"
            )

    @property
    def _is_remote(self) -> bool:
        return self.master != LOCAL and self.master.rpartition(":")[0] not in LOOPBACK

    @contextmanager
    def server(self) -> Iterator[LocalFlink | None]:
        """Start a job server for Flink; nothing to start where somebody else's is named."""
        if self.runner != "FlinkRunner":
            yield None
            return
        savepoint = self.savepoint
        if savepoint == LATEST and (savepoint := latest_state(self.directory)) is None:
            raise WrongCluster(f"expected a checkpoint or savepoint in {self.directory.absolute()}, found none")
        with LocalFlink(self.directory, master=self.master, savepoint=savepoint) as server:
            yield server

    def beam_options(self, server: LocalFlink | None, name: str, *, streaming: bool) -> Any:
        """Return the options of one job."""
        from apache_beam.options.pipeline_options import PipelineOptions

        flags = ["--streaming"] if streaming else []
        if self.runner == DATAFLOW:
            given = {"runner": DATAFLOW, "job_name": name, **self.options}
            return PipelineOptions(flags=[*flags, *_flags(given)])
        given = {
            "runner": "PortableRunner",
            "environment_type": "LOOPBACK",
            "job_name": name,
            "parallelism": str(self.parallelism or cpu_quota()),
            "max_parallelism": str(MOST_PARALLEL),
            **({} if server is None else {"job_endpoint": server.endpoint}),
            **self.options,
        }
        if streaming:
            given |= {
                "checkpointing_interval": str(round(self.checkpoint_s * 1000)),
                "max_bundle_time_mills": str(BUNDLE_MS),
                # The newest checkpoint stays when the job dies, for --from-savepoint to go on there.
                "externalized_checkpoints_enabled": "true",
                "retain_externalized_checkpoints_on_cancellation": "true",
            }
        return PipelineOptions(flags=[*flags, *_flags(given)])


def _flags(given: Mapping[str, str]) -> list[str]:
    return [f"--{key}" if value == "true" else f"--{key}={value}" for key, value in given.items()]


def _off(interval: str | None) -> bool:
    return interval is not None and interval.lstrip().startswith(("-", "0"))


def run_streams(
    cluster: Cluster,
    server: LocalFlink | None,
    job: BeamJob,
    streams: Sequence[StreamRange],
    stop: threading.Event,
    count: Callable[[Any], None],
) -> str | None:
    """Run until `stop`, then take a savepoint, end the job and return where the savepoint lies; `count` its counters.

    Raises what a worker raised when the job failed for good; a death of a worker is Flink's to heal.
    """
    import apache_beam as beam

    from pipelines.engines.beam.streaming import build_streaming

    name = _name(job)
    pipeline = beam.Pipeline(options=cluster.beam_options(server, name, streaming=True))
    build_streaming(pipeline, job, streams)
    try:
        result = pipeline.run()
        errors: list[BaseException] = []
        ended = threading.Thread(target=_wait, args=(result, errors), name="beam", daemon=True)
        ended.start()
        while ended.is_alive() and not stop.is_set():
            ended.join(LOOK_S)
        if errors:
            raise original_error(errors[0]) from errors[0]
        if not stop.is_set():
            raise BeamFailed(f"the job {name} ended by itself in the state {result.state}")
        count(result)
        if server is not None:
            return server.savepoint_and_end(name)
        result.cancel()
        return None
    finally:
        close_shared(job.open)


def run_ranges(
    cluster: Cluster,
    server: LocalFlink | None,
    job: BeamJob,
    ranges: Sequence[StreamRange],
    count: Callable[[Any], None],
) -> None:
    """Run work that has an end, and `count` its counters."""
    import apache_beam as beam

    from pipelines.engines.beam.bounded import build

    pipeline = beam.Pipeline(options=cluster.beam_options(server, _name(job), streaming=False))
    build(pipeline, job, ranges, cluster.parallelism or cpu_quota())
    try:
        result = pipeline.run()
        result.wait_until_finish()
    except RuntimeError as error:
        raise original_error(error) from error
    count(result)


def _name(job: BeamJob) -> str:
    return f"hubbub-{job.group}-{uuid.uuid4().hex[:8]}"


def _wait(result: Any, errors: list[BaseException]) -> None:
    try:
        result.wait_until_finish()
    except BaseException as error:  # noqa: BLE001 - raised by whoever waits for this
        errors.append(error)
