"""What every Beam job has: what its workers are told, how they count, and how they write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
from apache_beam.metrics import Metrics

from infra.broker import Broker
from pipelines.engines.beam.elements import Written
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.own_brokers import OpenBroker
from pipelines.engines.stage_times import StageTimes
from pipelines.pipeline import Pipeline

DEAD_LETTERS = "dead_letters"
METRICS = "hubbub"
MICROSECONDS = "_us"


@dataclass(frozen=True)
class BeamJob:
    """What every worker process is told.

    `threads`: of each model in it. `halt`: a file; when it is there, reading ends. The groups are `<group>-<pipeline>`,
    as with every engine.
    """

    pipelines: Mapping[str, Pipeline]
    open: OpenBroker
    settings: JobSettings
    group: str
    instance: str | None = None
    threads: int | None = None
    halt: Path | None = None
    run: str = ""  # tells the jobs of one process apart

    def group_of(self, pipeline: str) -> str:
        """The consumer group of a pipeline."""
        return f"{self.group}-{pipeline}"

    def load_models(self) -> None:
        """Load every model, once a process, with its share of the processors."""
        for pipeline in self.pipelines.values():
            for operator in pipeline.operators:
                model = getattr(operator, "model", None)
                if model is not None:
                    # Answers do not depend on the threads, and two processes with all of them would only wait.
                    if self.threads is not None and getattr(model, "threads", self.threads) is None:
                        model.threads = self.threads
                    model.load()


class Write(beam.DoFn):  # type: ignore[misc]
    """Appends records, acknowledged; gives out how many."""

    def __init__(self, job: BeamJob) -> None:
        self._job = job
        self._broker: Broker | None = None

    def setup(self) -> None:
        self._broker = self._job.open()

    def process(self, written: Written) -> Iterator[int]:
        assert self._broker is not None
        self._broker.append(written.records)
        yield len(written.records)

    def teardown(self) -> None:
        if self._broker is not None:
            self._broker.close()


def count(pipeline: str, times: StageTimes) -> None:
    """Add to Beam's counters what was counted since the last time."""
    for name, rows in times.rows.items():
        Metrics.counter(METRICS, f"{pipeline}/{name}").inc(rows)
    for name, seconds in times.seconds.items():
        Metrics.counter(METRICS, f"{pipeline}/{name}{MICROSECONDS}").inc(round(seconds * 1e6))
    times.rows.clear()
    times.seconds.clear()
