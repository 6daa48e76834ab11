"""Run pipelines over history, once, into a file of their own."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from infra.sqlite.broker import SqliteBroker
from pipelines.engines.embedded_engine import EmbeddedEngine, JobReport, Ticks
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.layers import layers
from pipelines.pipeline import Pipeline
from pipelines.replay.history import History
from pipelines.replay.kept import Kept
from pipelines.replay.original_ticks import original_ticks
from pipelines.replay.replay_broker import ReplayBroker


class Stopped(Exception):
    """Somebody asked to stop before the replay was through."""


class Engine(Protocol):
    """What runs a layer of pipelines: the embedded engine, or one like it."""

    report: JobReport

    def run(
        self, pipelines: Sequence[Pipeline], *, stop: threading.Event | None = None, until_end: bool = False
    ) -> JobReport:
        """Run until `stop` is set, or with `until_end` until the sources end."""
        ...


class MakeEngine(Protocol):
    """Makes the engine that replays `history` into `scratch`, which lies in the file `path`.

    `broker` is the two of them as one, for an engine that works in this process; another one opens its own.
    """

    def __call__(
        self,
        broker: ReplayBroker,
        settings: JobSettings,
        ticks: Mapping[str, Ticks],
        *,
        history: History,
        path: Path,
    ) -> Engine:
        """Return an engine whose consumer groups begin with `replay`."""
        ...


def embedded(
    broker: ReplayBroker, settings: JobSettings, ticks: Mapping[str, Ticks], *, history: History, path: Path
) -> Engine:
    """Make the engine that replays in this process: the reference."""
    return EmbeddedEngine(broker, settings, group="replay", ticks=ticks)


@dataclass(slots=True)
class Side:
    """One of the two things that are compared: a name, the broker that its outputs lie on, and how it was made.

    `models`: identity by model name, where it is known; `pipelines`: those of this process, empty where other code ran;
    `dead_letters`: how many its run wrote.
    """

    name: str
    broker: Kept
    models: dict[str, str] = field(default_factory=dict)
    pipelines: Sequence[Pipeline] = ()
    seconds: float = 0.0
    dead_letters: int = 0
    was_run: bool = True


@dataclass(slots=True)
class Progress:
    """How far the runs are, for whoever shows it: events that were worked on, of how many are to be."""

    wanted: int = 0
    before: int = 0
    engine: Engine | None = None
    inputs: frozenset[str] = frozenset()

    @property
    def done(self) -> int:
        """How many events have been worked through until now."""
        return self.before + self.running

    @property
    def running(self) -> int:
        """How many of the run that goes on."""
        report = self.engine.report.pipelines if self.engine is not None else {}
        return sum(times.rows.get("in", 0) for name, times in list(report.items()) if name in self.inputs)


def run_side(
    name: str,
    pipelines: Sequence[Pipeline],
    history: History,
    path: Path,
    settings: JobSettings,
    *,
    group: str | None,
    stop: threading.Event,
    progress: Progress,
    make_engine: MakeEngine = embedded,
) -> Side:
    """Run the pipelines over history to its end, upstream ones first; the outputs lie in the file `path`.

    `group` names the original consumer group, whose ticks are repeated; None for history that has none. Raises Stopped.
    """
    scratch = SqliteBroker(path, durability="off")
    side = Side(name, scratch, models=_models(pipelines), pipelines=pipelines)
    broker = ReplayBroker(history, scratch)
    broker.create_topics([topic for pipeline in pipelines for topic in pipeline.sources])
    settings = replace(settings, tick_s=None)
    for layer in layers(pipelines):
        ticks: Mapping[str, Ticks] = {}
        if group is not None:
            ticks = {pipeline.name: original_ticks(history, group, pipeline, scratch) for pipeline in layer}
        engine = make_engine(broker, settings, ticks, history=history, path=path)
        progress.inputs = frozenset(
            pipeline.name for pipeline in layer if {topic.name for topic in pipeline.sources} & set(history.topics)
        )
        progress.engine = engine
        report = engine.run(layer, stop=stop, until_end=True)
        if stop.is_set():
            raise Stopped
        progress.before, progress.engine = progress.done, None
        side.seconds += report.seconds
        side.dead_letters += report.total("dead letters")
    return side


def _models(pipelines: Sequence[Pipeline]) -> dict[str, str]:
    models = {}
    for pipeline in pipelines:
        for operator in pipeline.operators:
            if (model := getattr(operator, "model", None)) is not None:
                models[str(model.card.name)] = str(getattr(operator, "answered_by", model.identity))
    return models
