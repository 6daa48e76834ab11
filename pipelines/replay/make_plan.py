"""From what a person asked to a plan: the history, the two sides, and what they are called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.broker import Broker
from infra.sqlite_broker import SqliteBroker
from pipelines.bad_input import BadInput
from pipelines.catalog import Chosen
from pipelines.engines.job_settings import JobSettings
from pipelines.pipeline import Pipeline
from pipelines.replay.choose import bundles_of, first_topics, pipelines_named
from pipelines.replay.history_files import history_of_files
from pipelines.replay.kept_history import Range, kept_history, worked_through
from pipelines.replay.replay import Plan

TODAY = "today's models"


@dataclass(frozen=True)
class Asked:
    """The options that hold for any history. `models` are the bundles that the settings choose; `model` and `against`
    are NAME=BUNDLE texts."""

    settings: JobSettings
    models: Chosen
    pipelines: Sequence[str] = ()
    model: Sequence[str] = ()
    against: Sequence[str] = ()

    @property
    def candidate(self) -> dict[str, str | Path]:
        """The models of the candidate."""
        return {**self.models, **bundles_of(self.model, "--model", self.models)}

    @property
    def candidate_name(self) -> str:
        """What the candidate is called; not as the other side, for figures stand under these names."""
        name = _named(self.model)
        return f"{name}, again" if self.against and name == self.other_name else name

    @property
    def other_name(self) -> str:
        """What the models to compare with are called."""
        return _named(self.against)

    @property
    def other(self) -> dict[str, str | Path] | None:
        """The models to compare with; None when none were named."""
        return {**self.models, **bundles_of(self.against, "--against", self.models)} if self.against else None


def plan_of_files(
    asked: Asked, paths: Sequence[Path], topic: str | None, folder: Path, advance: Callable[[int], None]
) -> Plan:
    """Plan the replay of files: against other models, or today's when there is a candidate, else alone.

    The plan's history lies on a broker of its own in `folder`; whoever asked closes it.
    """
    candidate, other = asked.candidate, asked.other
    broker = SqliteBroker(folder / "history.db", durability="off")
    try:
        history = history_of_files(paths, topic, broker, advance)
        pipelines_named(asked.pipelines, candidate, history.topics)  # refuse early what cannot be built
    except BaseException:
        broker.close()
        raise
    if other is None and asked.model:
        other = dict(asked.models)
    return Plan(
        build=lambda models: pipelines_named(asked.pipelines, models, history.topics),
        history=history,
        folder=folder,
        settings=asked.settings,
        candidate=candidate,
        candidate_name=asked.candidate_name,
        against=other,
        against_name=asked.other_name,
    )


def plan_of_broker(
    asked: Asked, broker: Broker, topics: Sequence[str] | None, range_: Range, *, group: str, folder: Path
) -> Plan:
    """Plan the replay of what a broker keeps: against other models, else against what the group raised from it."""
    candidate, other = asked.candidate, asked.other
    pipelines = pipelines_named(asked.pipelines, candidate, topics)
    sources = first_topics(pipelines, topics)
    if not sources:
        raise BadInput(f"{', '.join(one.name for one in pipelines)}: every topic that is read is written there as well")
    history = kept_history(broker, sources, range_)
    if other is None:
        history = worked_through(history, group, _readers(pipelines, history.topics))
    return Plan(
        build=lambda models: pipelines_named(asked.pipelines, models, topics),
        history=history,
        folder=folder,
        settings=asked.settings,
        candidate=candidate,
        candidate_name=asked.candidate_name,
        against=other,
        against_name=asked.other_name,
        raised=other is None,
        group=group,
    )


def _readers(pipelines: Sequence[Pipeline], topics: Sequence[str]) -> list[Pipeline]:
    return [one for one in pipelines if {topic.name for topic in one.sources} & set(topics)]


def _named(bundles: Sequence[str]) -> str:
    """Name a choice of models, with folders by their last part: `text-enzh = candidate-7`."""
    pairs = (text.partition("=") for text in bundles)
    return ", ".join(f"{name} = {Path(bundle).name}" for name, _, bundle in pairs) or TODAY
