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
    from pipelines.engines.embedded_engine import JobReport
    from pipelines.pipeline import Pipeline

Command = TypeVar("Command", bound=Callable[..., Any])
ENGINES = ("embedded", "faust", "beam")
RUNNERS = ("local", "FlinkRunner", "PortableRunner")


class Engine(Protocol):
    """What runs pipelines."""

    report: JobReport

    def run(
        self, pipelines: Sequence[Pipeline], *, stop: threading.Event | None = None, until_end: bool = False
    ) -> JobReport:
        """Run until `stop` is set, or with `until_end` until the sources end."""
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

    def check(self) -> None:
        """Refuse options of an engine that was not chosen."""
        for name in ("runner", "flink_master", "processes"):
            if getattr(self, name) is not None and self.engine != "beam":
                raise click.UsageError(f"--{name.replace('_', '-')} is an option of --engine beam")

    def make(self, broker: Broker, settings: Settings) -> Engine:
        """Make the engine."""
        from pipelines.commands.options import job_settings

        job = job_settings(settings)
        if self.engine == "beam":
            from pipelines.engines.beam_engine import BeamEngine
            from pipelines.engines.own_brokers import OpenBySettings

            own = OpenBySettings(self.url, self.config, Path.cwd())
            return BeamEngine(
                broker, job, open_broker=own, group=self.group, instance=self.instance, processes=self.processes
            )
        if self.engine == "faust":
            from infra.kafka_broker import KafkaBroker
            from pipelines.engines.faust_engine import FaustEngine

            if not isinstance(broker, KafkaBroker):
                raise click.UsageError(f"--engine faust needs a broker kafka://HOST:PORT, got {broker.url}")
            return FaustEngine(broker, job, group=self.group)
        from pipelines.engines.embedded_engine import EmbeddedEngine

        return EmbeddedEngine(broker, job, group=self.group, instance=self.instance)


def processes_option(command: Command) -> Command:
    """Add --processes."""
    count = click.IntRange(1)
    return click.option("--processes", type=count, metavar="N", help="Of --engine beam (default: one a CPU).")(command)


def beam_options(command: Command) -> Command:
    """Add the options of the Beam engine."""
    command = processes_option(command)
    command = click.option("--flink-master", metavar="HOST:PORT", help="Of --engine beam: a Flink cluster's address.")(
        command
    )
    return click.option("--runner", type=click.Choice(RUNNERS), help="Of --engine beam (default: local).")(command)
