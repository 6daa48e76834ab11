"""From what a person asked to a plan: the history, the two sides, and what they are called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.broker import Broker
from infra.sqlite.broker import SqliteBroker
from pipelines.bad_input import BadInput
from pipelines.catalog import ONE_A_MONTH, Chosen
from pipelines.engines.job_settings import JobSettings
from pipelines.replay.choice import TODAY, Build, Choice
from pipelines.replay.choose import bundles_of, first_topics
from pipelines.replay.elsewhere.code import code_at
from pipelines.replay.elsewhere.other_side import describe
from pipelines.replay.history_files import history_of_files
from pipelines.replay.kept_history import Range, kept_history, worked_through
from pipelines.replay.replay import Plan
from pipelines.replay.thresholds import read_thresholds
from pipelines.replay.watcher import Watcher
from pipelines.replay.wired import Wired

TODAY_WORD = "today"


@dataclass(frozen=True)
class Asked:
    """The options that hold for any history. `models` are the bundles that the settings choose; `model` (NAME=BUNDLE),
    `thresholds` (NAME=VALUE), `code` (a checkout or a wheel) and `candidate_rules` (a rule file) make the candidate;
    each of `against` is NAME=BUNDLE, a checkout or a wheel, or the word "today". `rules` is the rule file, and
    `false_alarms_per_month` the rate, that the settings choose for either side. Wheels are unpacked into `folder`."""

    settings: JobSettings
    models: Chosen
    pipelines: Sequence[str] = ()
    model: Sequence[str] = ()
    against: Sequence[str] = ()
    thresholds: Sequence[str] = ()
    code: Path | None = None
    folder: Path = Path()
    rules: Path | None = None
    candidate_rules: Path | None = None
    false_alarms_per_month: float = ONE_A_MONTH

    @property
    def is_today(self) -> bool:
        """Whether the candidate is what runs today."""
        return not (self.model or self.thresholds or self.code or self.candidate_rules)

    def candidate(self) -> Choice:
        """Return the candidate; not of the other side's name, for figures stand under these names."""
        models = {**self.models, **bundles_of(self.model, "--model", self.models, any_name=self.code is not None)}
        thresholds = read_thresholds(self.thresholds)
        code = None if self.code is None else code_at(self.code, "--candidate", self.folder / "candidate-wheel")
        said = [] if code is None else [code.name]
        said += [*map(_bundle_name, self.model), *map(str, thresholds)]
        said += [] if self.candidate_rules is None else [f"rules of {self.candidate_rules}"]
        name = ", ".join(said) or TODAY
        other = self.other()
        if other is not None and other.name == name:
            name += ", again"
        rules = self.candidate_rules or self.rules
        return Choice(name, models, thresholds, code, rules, self.false_alarms_per_month)

    def other(self) -> Choice | None:
        """Return what to compare with; None when nothing was named."""
        if not self.against:
            return None
        bundles = [text for text in self.against if "=" in text]
        codes = [text for text in self.against if "=" not in text and text != TODAY_WORD]
        if len(codes) > 1:
            raise BadInput(f"expected one checkout or wheel in --against, got {', '.join(codes)}")
        code = code_at(Path(codes[0]), "--against", self.folder / "against-wheel") if codes else None
        said = [] if code is None else [code.name]
        said += [_bundle_name(text) for text in bundles]
        models = {**self.models, **bundles_of(bundles, "--against", self.models, any_name=code is not None)}
        return Choice(", ".join(said) or TODAY, models, (), code, self.rules, self.false_alarms_per_month)


def plan_of_files(
    asked: Asked, paths: Sequence[Path], topic: str | None, watcher: Watcher, advance: Callable[[int], None]
) -> Plan:
    """Plan the replay of files: against other models, or today's when there is a candidate, else alone.

    The plan's history lies on a broker of its own in the folder; whoever asked closes it.
    """
    candidate, other = asked.candidate(), asked.other()
    broker = SqliteBroker(asked.folder / "history.db", durability="off")
    try:
        history = history_of_files(paths, topic, broker, advance)
        build = Build(asked.pipelines, history.topics)
        wiring = _wiring(build, candidate, asked.folder, watcher)  # refuse early what cannot be built
    except BaseException:
        broker.close()
        raise
    if other is None and not asked.is_today:
        other = Choice(models=asked.models, rules=asked.rules, false_alarms_per_month=asked.false_alarms_per_month)
    return Plan(
        build=build,
        wiring=wiring,
        history=history,
        folder=asked.folder,
        settings=asked.settings,
        candidate=candidate,
        against=other,
    )


def plan_of_broker(
    asked: Asked, broker: Broker, topics: Sequence[str] | None, range_: Range, group: str, watcher: Watcher
) -> Plan:
    """Plan the replay of what a broker keeps: against other models, else against what the group raised from it."""
    candidate, other = asked.candidate(), asked.other()
    build = Build(asked.pipelines, topics)
    wiring = _wiring(build, candidate, asked.folder, watcher)
    sources = first_topics(wiring, topics)
    if not sources:
        raise BadInput(f"{', '.join(one.name for one in wiring)}: every topic that is read is written there as well")
    history = kept_history(broker, sources, range_)
    if other is None:
        history = worked_through(history, group, _readers(wiring, history.topics))
    return Plan(
        build=build,
        wiring=wiring,
        history=history,
        folder=asked.folder,
        settings=asked.settings,
        candidate=candidate,
        against=other,
        raised=other is None,
        group=group,
    )


def _wiring(build: Build, choice: Choice, folder: Path, watcher: Watcher) -> Sequence[Wired]:
    if choice.code is None:
        return build(choice)
    watcher.say(f"asking {choice.code}")
    return describe(choice.code, build, choice, folder / "asked", watcher)


def _readers(pipelines: Sequence[Wired], topics: Sequence[str]) -> list[Wired]:
    return [one for one in pipelines if {topic.name for topic in one.sources} & set(topics)]


def _bundle_name(text: str) -> str:
    """Name a choice of a model, with the folder by its last part: `text-enzh = candidate-7`."""
    name, _, bundle = text.partition("=")
    return f"{name} = {Path(bundle).name}"
