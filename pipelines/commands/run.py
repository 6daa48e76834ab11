"""`hubbub run`: pipelines as a job, until stopped or until the input ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.commands.engine_choice import ENGINES, Choice, Engine, beam_options
from pipelines.commands.options import (
    broker_options,
    chosen_models,
    chosen_rules,
    false_alarms_option,
    json_option,
    log_format_option,
    rules_option,
    settings_of,
)

if TYPE_CHECKING:
    from infra.broker import Broker
    from infra.settings import Settings
    from pipelines.drift.live_drift import LiveDrift
    from pipelines.engines.embedded_engine import JobReport
    from pipelines.engines.step_watch import StepWatch
    from pipelines.pipeline import Pipeline

SHOW_EVERY_S = 1.0


@click.command(epilog="Example: hubbub run logs messages alerts --until-end")
@click.argument("pipelines", nargs=-1, metavar="[PIPELINE]...")
@click.option("--until-end", is_flag=True, help="End when all that is there is worked through.")
@click.option("--group", default="hubbub", show_default=True, metavar="NAME", help="Whose place in the topics is kept.")
@click.option("--instance", metavar="NAME", help="Tells processes of one group apart (default: the first free one).")
@click.option("--engine", type=click.Choice(ENGINES), default=ENGINES[0], help="What runs them (default: embedded).")
@beam_options
@click.option("--metrics", metavar="HOST:PORT", help="Answer /metrics and /healthz there.")
@click.option("--traces", metavar="URL", help="Tell traces to this OTLP collector.")
@log_format_option
@click.option("--create-topics", is_flag=True, help="On Kafka: first create missing topics.")
@rules_option
@false_alarms_option
@broker_options
@json_option
def run(
    *,
    pipelines: Sequence[str],
    until_end: bool,
    metrics: str | None,
    traces: str | None,
    log_format: str | None,
    create_topics: bool,
    group: str,
    instance: str | None,
    engine: str,
    runner: str | None,
    flink_master: str | None,
    processes: int | None,
    checkpoint_s: float | None,
    from_savepoint: str | None,
    beam_option: Sequence[str],
    rules: Path | None,
    false_alarms_per_month: float | None,
    broker: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Run pipelines: logs, messages, alarms, telemetry, alerts; all of these when none is named.

    `hubbub run incidents` beside it makes one thing of alerts that belong together. A pipeline of your own is named as
    package.module:NAME. Several processes of one group share the work. Ctrl-C or SIGTERM stops behind a whole step:
    the next run goes on there, and nothing is lost or done twice.
    """
    import os

    from infra.failpoints import arm
    from pipelines.engines.arrow_memory import take_arrow_memory_from_the_system
    from pipelines.speaking import speaking

    beam = (runner, flink_master, processes, checkpoint_s, from_savepoint, beam_option)
    choice = Choice(engine, group, instance, broker, config, *beam)
    choice.check()
    arm(os.environ)
    take_arrow_memory_from_the_system(os.environ)
    settings = settings_of(
        broker,
        config,
        alerts__rules=None if rules is None else str(rules),
        metrics__listen=metrics,
        traces__url=traces,
        logs__format=log_format,
        telemetry__false_alarms_per_month=false_alarms_per_month,
    )
    with speaking(settings.logs.format):
        _run(choice, settings, pipelines, until_end, create_topics, as_json)


def _run(
    choice: Choice, settings: Settings, pipelines: Sequence[str], until_end: bool, create_topics: bool, as_json: bool
) -> None:
    from infra.broker_url import open_broker
    from pipelines.catalog import SHIPPED, find_pipeline, with_feeders
    from pipelines.engines.graph import topics_of
    from pipelines.speaking import say
    from pipelines.stop_signals import StopSignals
    from pipelines.watchdog import waiting_for_others, watching

    if any(":" in name for name in pipelines):
        sys.path.append(str(Path.cwd()))  # behind everything else, so that a file here shadows nothing
    names = with_feeders(pipelines or SHIPPED)
    alert_rules = chosen_rules(settings).rules if "alerts" in names else None
    rate = settings.telemetry.false_alarms_per_month
    found = [find_pipeline(name, chosen_models(settings), alert_rules, rate) for name in names]
    with (
        _traces(settings) as watch,
        open_broker(settings.broker, settings.kafka) as opened,
        StopSignals() as stop,
    ):
        if create_topics:
            opened.create_topics(topics_of(found))
        drift = _drift(settings, choice, found)
        job = choice.make(opened, settings, _together(watch, drift))
        groups = {f"{choice.group}-{pipeline.name}": pipeline for pipeline in found}
        with (
            _progress(job.report, found, until_end, settings.logs.format),
            watching(
                opened,
                [*groups],
                lambda sentence: say(f"hubbub: {sentence}"),
                waiting_for_others(opened, choice.group, found, round(settings.job.lateness_s * 1e6)),
            ),
            _metrics(settings, job, opened, groups, drift),
        ):
            report = job.run(found, stop=stop.requested, until_end=until_end)
        savepoint = job.savepoint
        if savepoint is not None:
            say(f"hubbub: stopped; go on there by --from-savepoint {savepoint}")
        elif stop.requested.is_set():
            places = _places(opened, choice.group, found)
            say(f"hubbub: stopped; the next run of group {choice.group} goes on there: {places}")
    if savepoint is not None and not report.total("in"):
        return  # a cluster counts for itself
    summary = _summary(report, found)
    if as_json:
        import orjson

        click.echo(orjson.dumps(summary))
    else:
        click.echo(
            f"{summary['events']:,} events, {summary['alerts']:,} alert changes, "
            f"{summary['dead_letters']:,} dead letters in {summary['seconds']:.1f} s "
            f"({summary['events_per_s']:,.0f} events/s)"
        )


@contextmanager
def _metrics(
    settings: Settings, job: Engine, broker: Broker, groups: Mapping[str, Pipeline], drift: LiveDrift | None
) -> Iterator[None]:
    """Answer whoever watches the job, if somebody wants to."""
    if not settings.metrics.listen:
        yield
        return
    from pipelines.watching.broker_metrics import broker_trouble
    from pipelines.watching.endpoint import watched
    from pipelines.watching.job_metrics import JobMetrics

    def ready() -> str | None:
        return broker_trouble(broker) or (None if job.report.pipelines else "the pipelines are being made")

    def healthy() -> str | None:
        return "; ".join(job.complaints()) or None

    metrics = JobMetrics(job.report, broker, groups, round(settings.job.lateness_s * 1e6), drift=drift)
    with watched(settings.metrics.listen, metrics, healthy=healthy, ready=ready):
        yield


def _drift(settings: Settings, choice: Choice, pipelines: Sequence[Pipeline]) -> LiveDrift | None:
    """Count for drift where somebody can ask; Beam's workers are processes of their own, and count nothing here."""
    if not settings.metrics.listen or choice.engine == "beam":
        return None
    from pipelines.drift.live_drift import LiveDrift

    return LiveDrift(pipelines)


def _together(*watches: StepWatch | None) -> StepWatch | None:
    from pipelines.engines.step_watch import Watches

    there = [one for one in watches if one is not None]
    return Watches(there) if there else None


@contextmanager
def _traces(settings: Settings) -> Iterator[StepWatch | None]:
    """Tell traces, if somebody collects them; nothing of OpenTelemetry is imported otherwise."""
    if not settings.traces.url:
        yield None
        return
    from infra.broker_url import is_kafka

    try:
        from pipelines.watching.traces import telling_traces
    except ImportError as error:
        raise ImportError("`hubbub run --traces` needs hubbub[traces]", name=error.name) from error
    with telling_traces(settings.traces.url, "kafka" if is_kafka(settings.broker.url) else "hubbub_sqlite") as watch:
        yield watch


def _summary(report: JobReport, pipelines: Sequence[Pipeline]) -> dict[str, int | float]:
    from schemas.alerts import ALERTS

    # What one pipeline of this job writes and another one reads is no new event.
    inner = {sink.topic.name for pipeline in pipelines for sink in pipeline.sinks}
    first = [one for one in pipelines if not {topic.name for topic in one.sources} & inner]
    raising = [one for one in pipelines if ALERTS.name in {sink.topic.name for sink in one.sinks}]
    events = sum(report.pipelines[one.name].rows.get("in", 0) for one in first)
    return {
        "events": events,
        "alerts": sum(report.pipelines[one.name].rows.get("out", 0) for one in raising),
        "dead_letters": report.total("dead letters"),
        "seconds": round(report.seconds, 3),
        "events_per_s": round(events / report.seconds, 1) if report.seconds else 0.0,
    }


def _places(broker: Broker, group: str, pipelines: Sequence[Pipeline]) -> str:
    """Say how far each pipeline has come, in records of its sources."""
    from infra.broker import TopicPartition

    said = []
    for pipeline in pipelines:
        done = whole = 0
        for topic in pipeline.sources:
            for number in range(topic.partitions):
                part = TopicPartition(topic.name, number)
                first, end = broker.bounds(part)
                offset = broker.committed(f"{group}-{pipeline.name}", part)
                done += (first if offset is None else max(first, offset.next_offset)) - first
                whole += end - first
        said.append(f"{pipeline.name} {done:,} of {whole:,}")
    return ", ".join(said)


@contextmanager
def _progress(report: JobReport, pipelines: Sequence[Pipeline], until_end: bool, format_: str) -> Iterator[None]:
    """Show on a terminal, on one line of stderr, how far the job is."""
    if format_ != "text" or not sys.stderr.isatty():
        yield
        return
    from pipelines.while_working import done_every

    names = ", ".join(pipeline.name for pipeline in pipelines)
    click.echo(f"running {names}{'' if until_end else '; Ctrl-C stops'}", err=True)

    def show() -> None:
        counts = [f"{name} {times.rows.get('in', 0):,}" for name, times in list(report.pipelines.items())]
        click.echo(f"\r\x1b[K{'  '.join(counts)}", err=True, nl=False)

    try:
        with done_every(SHOW_EVERY_S, show):
            yield
    finally:
        click.echo("\r\x1b[K", err=True, nl=False)
