"""Which engine runs a job: the options --engine, --runner, --flink-master, --processes, and what they make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

if TYPE_CHECKING:
    import threading

    from infra.broker import Broker
    from infra.settings import Settings
    from pipelines.engines.beam.cluster import Cluster
    from pipelines.engines.embedded_engine import JobReport
    from pipelines.engines.step_watch import StepWatch
    from pipelines.pipeline import Pipeline

Command = TypeVar("Command", bound=Callable[..., Any])
ENGINES = ("embedded", "faust", "beam")
RUNNERS = ("local", "FlinkRunner", "PortableRunner", "DataflowRunner")


class Engine(Protocol):
    """What runs pipelines. `savepoint`: where a stopped job goes on, for one that keeps its memory itself."""

    report: JobReport
    savepoint: str | None

    def run(
        self, pipelines: Sequence[Pipeline], *, stop: threading.Event | None = None, until_end: bool = False
    ) -> JobReport:
        """Run until `stop` is set, or with `until_end` until the sources end."""
        ...

    def complaints(self) -> list[str]:
        """Say what stands still though there is something to do: one sentence each."""
        ...


@dataclass(frozen=True)
class Choice:
    """What a person chose. `url` and `config` are as they were typed, for an engine whose workers open the broker."""

    engine: str
    group: str
    instance: str | None
    url: str | None
    config: Path | None
    runner: str | None = None
    flink_master: str | None = None
    processes: int | None = None
    checkpoint_s: float | None = None
    from_savepoint: str | None = None
    beam_option: Sequence[str] = ()

    def check(self) -> None:
        """Refuse options of an engine that was not chosen."""
        for name in ("runner", "flink_master", "processes", "checkpoint_s", "from_savepoint", "beam_option"):
            if getattr(self, name) not in (None, ()) and self.engine != "beam":
                raise click.UsageError(f"--{name.replace('_', '-')} is an option of --engine beam")
        for name in ("flink_master", "checkpoint_s", "from_savepoint", "beam_option"):
            if getattr(self, name) not in (None, ()) and self.runner in (None, "local"):
                raise click.UsageError(f"--{name.replace('_', '-')} needs --runner FlinkRunner or PortableRunner")
        if any("=" not in one for one in self.beam_option):
            raise click.UsageError("--beam-option is NAME=VALUE")

    def make(self, broker: Broker, settings: Settings, watch: StepWatch | None = None) -> Engine:
        """Make the engine; `watch` is told of each step, where the steps are this process's own."""
        from pipelines.commands.options import job_settings

        job = job_settings(settings)
        if self.engine == "beam":
            if watch is not None:
                raise click.UsageError("--traces: Beam's workers are processes of their own and tell no traces")
            from pipelines.engines.beam.engine import BeamEngine, quiet
            from pipelines.engines.own_brokers import OpenBySettings

            quiet()
            own = OpenBySettings(self.url, self.config, Path.cwd())
            return BeamEngine(
                broker,
                job,
                open_broker=own,
                group=self.group,
                instance=self.instance,
                processes=self.processes,
                cluster=self._cluster(),
            )
        if self.engine == "faust":
            from infra.kafka.broker import KafkaBroker
            from pipelines.engines.faust.engine import FaustEngine

            if not isinstance(broker, KafkaBroker):
                raise click.UsageError(f"--engine faust needs a broker kafka://HOST:PORT, got {broker.url}")
            return FaustEngine(broker, job, group=self.group, instance=self.instance, watch=watch)
        from pipelines.engines.embedded_engine import EmbeddedEngine

        return EmbeddedEngine(broker, job, group=self.group, instance=self.instance, watch=watch)

    def _cluster(self) -> Cluster | None:
        if self.runner in (None, "local"):
            return None
        from infra.local.flink import LOCAL
        from pipelines.engines.beam.cluster import Cluster

        assert self.runner is not None
        return Cluster(
            self.runner,
            self.flink_master or LOCAL,
            10.0 if self.checkpoint_s is None else self.checkpoint_s,
            self.from_savepoint,
            self.processes,
            dict(one.split("=", 1) for one in self.beam_option),
        )


def processes_option(command: Command) -> Command:
    """Add --processes."""
    count = click.IntRange(1)
    return click.option("--processes", type=count, metavar="N", help="Of --engine beam (default: one a CPU).")(command)


def beam_options(command: Command) -> Command:
    """Add the options of the Beam engine."""
    for option in (
        click.option(
            "--beam-option", multiple=True, metavar="NAME=VALUE", help="Of --runner: any option of Beam's own."
        ),
        click.option("--from-savepoint", metavar="PATH", help="Of FlinkRunner: go on there (or: latest)."),
        click.option("--checkpoint-s", type=float, metavar="S", help="Of --runner: how often to keep state (10)."),
        click.option("--flink-master", metavar="HOST:PORT", help="Of FlinkRunner: a cluster ([local])."),
        click.option("--runner", type=click.Choice(RUNNERS), help="Of --engine beam (default: local)."),
        processes_option,
    ):
        command = option(command)
    return command
