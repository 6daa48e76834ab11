"""A replay from its history to its comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipelines.drift.kept_drift import KeptDrift, drift_of_history
from pipelines.engines.job_settings import JobSettings
from pipelines.replay.choice import Build, Choice
from pipelines.replay.comparable import Limits, compared_of, horizon_of, is_partial, judged_by
from pipelines.replay.compare import AlertDifferences, compare_alerts
from pipelines.replay.compare_answers import Said, TopicDifference, compare_topic
from pipelines.replay.comparison import Comparison, SideFacts
from pipelines.replay.elsewhere.other_side import run_elsewhere
from pipelines.replay.episodes import Compared, Episodes, read_episodes
from pipelines.replay.evaluation import Truth, evaluate
from pipelines.replay.history import History
from pipelines.replay.incidents import of_history
from pipelines.replay.measure import Watched
from pipelines.replay.quality.cold import ColdSuite, start_cold_suite
from pipelines.replay.quality.windows import windows_of
from pipelines.replay.run_side import MakeEngine, Side, Stopped, embedded, run_side
from pipelines.replay.survey import Survey, survey_history
from pipelines.replay.watcher import Watcher
from pipelines.replay.wired import Wired
from pipelines.replay.written_by import WrittenBy
from schemas.alerts import ALERTS
from schemas.topic import Topic

RAISED = "what was raised"


@dataclass(frozen=True)
class Plan:
    """What to replay and what to compare it with.

    `build` makes the pipelines of a choice, `wiring` is how the candidate's are wired. `against` None compares with
    what the group raised when `raised` is set, else there is one side only. `group` is the original consumer group,
    None where there is none (files). `make_engine` chooses what runs them. `quality_budget_s`: how long Great
    Expectations may take; 0 leaves it out.
    """

    build: Build
    wiring: Sequence[Wired]
    history: History
    folder: Path
    settings: JobSettings
    candidate: Choice
    against: Choice | None = None
    raised: bool = False
    group: str | None = None
    truth: Truth = field(default_factory=Truth)
    tolerance: float = 0.0
    quality_budget_s: float = 0.0
    notes: tuple[str, ...] = ()
    make_engine: MakeEngine = embedded


def replay(plan: Plan, watcher: Watcher) -> Comparison:
    """Run what must be run and compare it. Raises Stopped when the watcher wants it to stop."""
    history = plan.history
    pipelines = plan.wiring
    topics = _topics_of(pipelines)
    watcher.say("reading the history")
    survey = survey_history(history, topics, plan.settings.rules.max_ahead_us)
    watcher.progress.wanted = _work(history, pipelines) * (1 if plan.against is None else 2)
    sides: list[Side] = []
    cold = _cold_suite(plan, topics, survey)
    try:
        before = _baseline(plan, watcher, sides)
        after = _run(plan, plan.candidate, "candidate.db", watcher)
        sides.append(after)
        watcher.say("comparing")
        comparison = _compare(plan, pipelines, survey, before, after)
        if cold is None:
            return comparison
        watcher.say("waiting for Great Expectations")
        quality = cold.result(watcher.stop)
        if watcher.stop.is_set():
            raise Stopped
        return replace(comparison, quality=quality)
    finally:
        if cold is not None:
            cold.stop()
        for side in sides:
            side.broker.close()


def _cold_suite(plan: Plan, topics: Mapping[str, Topic], survey: Survey) -> ColdSuite | None:
    """Start it early: it works beside the runs."""
    if not plan.quality_budget_s:
        return None
    return start_cold_suite(plan.history, topics, survey, plan.folder / "quality", plan.quality_budget_s)


def _baseline(plan: Plan, watcher: Watcher, sides: list[Side]) -> Side | None:
    if plan.against is not None:
        side = _run(plan, plan.against, "against.db", watcher)
        sides.append(side)
        return side
    if not plan.raised:
        return None
    raised = WrittenBy(plan.history.broker, [pipeline.name for pipeline in plan.wiring])
    return Side(RAISED, raised, was_run=False)


def _run(plan: Plan, choice: Choice, file: str, watcher: Watcher) -> Side:
    watcher.say(f"running {choice.name}")
    if choice.code is not None:
        return run_elsewhere(
            choice.code,
            plan.build,
            choice,
            plan.history,
            choice.job(plan.settings),
            (plan.folder / file).with_suffix(""),
            group=plan.group,
            watcher=watcher,
        )
    return run_side(
        choice.name,
        plan.build(choice),
        plan.history,
        plan.folder / file,
        choice.job(plan.settings),
        group=plan.group,
        stop=watcher.stop,
        progress=watcher.progress,
        make_engine=plan.make_engine,
    )


def _compare(plan: Plan, pipelines: Sequence[Wired], survey: Survey, before: Side | None, after: Side) -> Comparison:
    history = plan.history
    sinks = list(dict.fromkeys(sink.topic.name for pipeline in pipelines for sink in pipeline.sinks))
    has_alerts = ALERTS.name in sinks
    compared = compared_of(history)
    lateness_us = _lateness_us(plan)
    judged: Limits = {}
    if before is not None and not before.was_run and plan.group is not None:
        judged = judged_by(history, plan.group, pipelines, lateness_us)
    horizon = horizon_of(history, survey, lateness_us, judged)
    nothing = Episodes((), {})
    new = read_episodes(after.broker, compared, horizon) if has_alerts else nothing
    old = read_episodes(before.broker, compared, horizon) if has_alerts and before is not None else None
    differences = None if old is None else compare_alerts(old, new)
    said: dict[str, Said] = {}
    topics: dict[str, TopicDifference] = {}
    whole = not is_partial(history)
    if before is not None:
        wanted = _evidence_ids(differences)
        for name in sinks:
            if name in before.broker.topics() and (name != ALERTS.name or whole):
                places = None if whole else compared
                topics[name] = compare_topic(name, before.broker, after.broker, places, wanted=wanted, said=said)
    drift = _drift(after, None if whole else compared, survey)
    # Equal models answer equally, so nothing would be said twice.
    old_drift = (
        () if before is None or before.models == after.models else _drift(before, None if whole else compared, survey)
    )
    comparison = Comparison(
        history=history.name,
        topics_read=history.topics,
        survey=survey,
        candidate=_facts(after, new, drift),
        baseline=None if before is None else _facts(before, old or nothing, old_drift),
        alerts=differences,
        topics=topics,
        said=said,
        has_alerts=has_alerts,
        tolerance=plan.tolerance,
        notes=(*plan.notes, *history.notes),
    )
    if plan.truth.incidents and not has_alerts:
        notes = (*comparison.notes, "the labels say nothing here: none of these pipelines raises alerts")
        return replace(comparison, notes=notes)
    return _evaluated(comparison, plan.truth) if plan.truth.incidents else comparison


def _evaluated(comparison: Comparison, truth: Truth) -> Comparison:
    survey = comparison.survey
    if survey.first_us is None or survey.until_us is None:
        return comparison
    within, others = of_history(truth.incidents, survey.devices, survey.first_us, survey.until_us)
    watched = Watched(len(survey.devices), survey.first_us, survey.until_us)
    sides = [side for side in (comparison.baseline, comparison.candidate) if side is not None]
    notes = comparison.notes
    if others:
        notes = (*notes, f"{others} of the labelled incidents are of devices or times that the history does not have")
    evaluation = evaluate({side.name: side.alerts for side in sides}, within, watched, truth)
    return replace(comparison, evaluation=evaluation, notes=notes)


def _facts(side: Side, episodes: Episodes, drift: tuple[KeptDrift, ...]) -> SideFacts:
    return SideFacts(side.name, side.models, side.seconds, side.dead_letters, episodes.fired, drift)


def _drift(side: Side, compared: Compared | None, survey: Survey) -> tuple[KeptDrift, ...]:
    windows = windows_of(survey)
    return tuple(
        one for pipeline in side.pipelines for one in drift_of_history(pipeline, side.broker, compared, windows)
    )


def _topics_of(pipelines: Sequence[Wired]) -> dict[str, Topic]:
    return {topic.name: topic for pipeline in pipelines for topic in pipeline.sources}


def _work(history: History, pipelines: Sequence[Wired]) -> int:
    """How many rows the pipelines that read history will take in."""
    return sum(
        span.end - span.start
        for pipeline in pipelines
        for part, span in history.spans.items()
        if part.topic in {topic.name for topic in pipeline.sources}
    )


def _lateness_us(plan: Plan) -> int:
    choices = (plan.candidate, plan.against) if plan.against is not None else (plan.candidate,)
    return max(choice.job(plan.settings).rules.lateness_us for choice in choices)


def _evidence_ids(differences: AlertDifferences | None) -> frozenset[str]:
    if differences is None:
        return frozenset()
    alerts = [*differences.added, *differences.gone, *(one for c in differences.changed for one in (c.before, c.after))]
    return frozenset().union(*(alert.evidence_ids for alert in alerts))
