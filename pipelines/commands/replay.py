"""`hubbub replay`: history through today's or a candidate's models, and what would have been different."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from pipelines.commands.engine_choice import processes_option
from pipelines.commands.options import broker_options, chosen_models, job_settings, json_option, settings_of

if TYPE_CHECKING:
    from pipelines.replay.comparison import Comparison
    from pipelines.replay.incidents import Incident
    from pipelines.replay.kept_history import Range
    from pipelines.replay.watcher import Watcher

SHOW_EVERY_S = 0.5
GROUP = "hubbub"
PATH = click.Path(path_type=Path)
SHARE = click.FloatRange(0, 1)


@click.command(epilog="Example: hubbub replay --broker sqlite:hubbub-demo.db --report report")
@click.option("--input", "inputs", multiple=True, type=PATH, metavar="FILE", help="JSON lines, CSV or Parquet.")
@click.option("--topic", "topics", multiple=True, metavar="TOPIC", help="Of a file's rows; of a broker: only this one.")
@click.option("--since", metavar="TIME", help="Only what arrived since (or 10m, 2h, 1d ago).")
@click.option("--until", metavar="TIME", help="Only what arrived before.")
@click.option("--warm-up", default="1h", show_default=True, metavar="TIME", help="Read before --since, not compared.")
@click.option("--pipeline", "pipelines", multiple=True, metavar="NAME", help="Only this one (default: all with work).")
@click.option("--model", "models", multiple=True, metavar="NAME=BUNDLE", help="A candidate in place of today's model.")
@click.option("--set", "thresholds", multiple=True, metavar="NAME=VALUE", help="A candidate threshold (RULE.count=5).")
@click.option("--rules", type=PATH, metavar="FILE", help="A candidate's alert rules.")
@click.option("--candidate", "code", type=PATH, metavar="PATH", help="Candidate code: another checkout, or a wheel.")
@click.option("--against", multiple=True, metavar="WHAT", help="NAME=BUNDLE, PATH of code, or `today`.")
@click.option("--labels", type=PATH, metavar="FILE", help="True incidents: device_id, from, until, kind.")
@click.option(
    "--miss-cost",
    type=click.FloatRange(0),
    default=10.0,
    show_default=True,
    metavar="N",
    help="False alarms a miss is worth.",
)
@click.option("--seed", type=int, default=7, show_default=True, help="Of the intervals (bootstrap).")
@click.option(
    "--quality-budget",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    metavar="S",
    help="Data quality; 0: none.",
)
@click.option("--report", type=PATH, metavar="DIR", help="Write report.html and report.json there.")
@click.option("--tolerance", type=SHARE, default=0.0, metavar="SHARE", help="Of alerts that may differ (default: 0).")
@click.option("--group", metavar="NAME", help=f"Whose run is repeated (default: {GROUP}).")
@click.option("--engine", type=click.Choice(("embedded", "beam")), default="embedded", help="What runs it.")
@processes_option
@broker_options
@json_option
def replay(
    *,
    inputs: Sequence[Path],
    topics: Sequence[str],
    since: str | None,
    until: str | None,
    warm_up: str,
    pipelines: Sequence[str],
    models: Sequence[str],
    thresholds: Sequence[str],
    rules: Path | None,
    code: Path | None,
    against: Sequence[str],
    labels: Path | None,
    miss_cost: float,
    seed: int,
    quality_budget: float,
    report: Path | None,
    tolerance: float,
    group: str | None,
    engine: str,
    processes: int | None,
    broker: str | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Run history through today's hubbub, or a candidate, and compare the alerts.

    History is a FILE, or what a broker keeps. A candidate has other models, thresholds, rules or code. A broker's
    history is compared with the alerts that were raised from it, or with --against; a file's with --against, or today's
    hubbub when there is a candidate. Nothing is written to the broker. Status 1 when more alerts differ than
    --tolerance.
    """
    from infra.broker_url import open_broker
    from pipelines.commands.progress_bar import progress_bar
    from pipelines.engines.own_brokers import OpenBySettings
    from pipelines.error_sentences import DONE, INTERRUPTED, NO
    from pipelines.replay.evaluation import Truth
    from pipelines.replay.make_plan import Asked, plan_of_broker, plan_of_files
    from pipelines.replay.replay import replay as run_replay
    from pipelines.replay.run_by_beam import by_beam
    from pipelines.replay.run_side import Stopped
    from pipelines.replay.watcher import Watcher
    from pipelines.stop_signals import StopSignals

    if processes is not None and engine != "beam":
        raise click.UsageError("--processes is an option of --engine beam")
    if inputs and (since or until or broker or group):
        raise click.UsageError("--input reads files: it takes no --since, --until, --broker or --group")
    if inputs and len(topics) > 1:
        raise click.UsageError("--input takes one --topic at most: that of the files' rows")
    settings = settings_of(broker, config)
    if any(":" in name for name in pipelines):
        sys.path.append(str(Path.cwd()))  # behind everything else, so that a file here shadows nothing
    truth = Truth(_incidents(labels), seed, miss_cost)
    with ExitStack() as stack:
        stop = stack.enter_context(StopSignals())
        asked = Asked(
            settings=job_settings(settings),
            models=chosen_models(settings),
            pipelines=pipelines,
            model=models,
            against=against,
            thresholds=thresholds,
            code=code,
            folder=Path(stack.enter_context(TemporaryDirectory(prefix="hubbub-replay-"))),
            rules=Path(settings.alerts.rules) if settings.alerts.rules else None,
            candidate_rules=rules,
            false_alarms_per_month=settings.telemetry.false_alarms_per_month,
        )
        watcher = Watcher(stop=stop.requested)
        try:
            if inputs:
                with progress_bar("reading") as advance:
                    plan = plan_of_files(asked, inputs, topics[0] if topics else None, watcher, advance)
                stack.enter_context(closing(plan.history.broker))
            else:
                opened = stack.enter_context(open_broker(settings.broker, settings.kafka, must_exist=True))
                range_ = _range(since, until, warm_up)
                plan = plan_of_broker(asked, opened, topics or None, range_, group or GROUP, watcher)
            if engine == "beam":
                own = OpenBySettings(broker, config, Path.cwd())
                plan = dataclasses.replace(plan, make_engine=by_beam(own, processes))
            with _progress(watcher):
                # A suite of seconds is for whoever reads its pages.
                plan = dataclasses.replace(plan, truth=truth, tolerance=tolerance)
                plan = dataclasses.replace(plan, quality_budget_s=quality_budget if report is not None else 0.0)
                comparison = run_replay(plan, watcher)
            _show(comparison, report, as_json)
        except Stopped:
            click.echo("hubbub: stopped; a replay keeps nothing, so the next one begins anew", err=True)
            return INTERRUPTED
    return DONE if comparison.within_tolerance else NO


def _incidents(labels: Path | None) -> Sequence[Incident]:
    from pipelines.replay.incidents import read_incidents

    return [] if labels is None else read_incidents(labels)


def _range(since: str | None, until: str | None, warm_up: str) -> Range:
    import time

    from pipelines.bad_input import BadInput
    from pipelines.replay.kept_history import Range
    from pipelines.since import time_us

    now_us = time.time_ns() // 1000
    since_us, until_us = (None if text is None else time_us(text, now_us) for text in (since, until))
    if since_us is not None and until_us is not None and until_us <= since_us:
        raise BadInput(f"expected --until later than --since, got {until} and {since}")
    return Range(since_us, until_us, now_us - time_us(warm_up, now_us))


def _show(comparison: Comparison, report: Path | None, as_json: bool) -> None:
    from pipelines.replay.comparison_json import comparison_json
    from pipelines.replay.summary import print_summary

    if report is not None:
        from pipelines.replay.report import write_report

        write_report(comparison, report)
    if as_json:
        sys.stdout.buffer.write(comparison_json(comparison) + b"\n")
    else:
        print_summary(comparison, report)


@contextmanager
def _progress(watcher: Watcher) -> Iterator[None]:
    """Show on a terminal, on stderr, what goes on and how long it will take."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from pipelines.while_working import done_every

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("replay", total=None)
        watcher.say = lambda what: progress.update(task, description=what)

        def show() -> None:
            progress.update(task, completed=watcher.progress.done, total=watcher.progress.wanted or None)

        with done_every(SHOW_EVERY_S, show):
            yield
