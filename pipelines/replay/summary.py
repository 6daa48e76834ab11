"""The summary of a replay as tables in a terminal, or in a pipe without colours."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pipelines.drift.told import verdict as told
from pipelines.replay.compare import AlertDifferences
from pipelines.replay.comparison import Comparison
from pipelines.replay.episodes import Episode
from pipelines.replay.evaluation import Evaluation
from pipelines.replay.intervals import MEASURES
from pipelines.replay.measure import DEFINITIONS
from pipelines.replay.words import (
    KIND_WORDS,
    SCORE_HEADS,
    changes_in_words,
    counted,
    interval_cell,
    percent,
    score_cells,
    verdict,
)
from pipelines.seen_event import time_text
from schemas.safe_text import safe_text

MOST_ALERTS: Final = 10
MOST_PAIRS: Final = 6
_PIPE_WIDTH: Final = 140
_COLOURS: Final = {"critical": "bold red", "major": "red", "minor": "yellow", "warning": "yellow", "cleared": "green"}


def print_summary(comparison: Comparison, report: Path | None) -> None:
    """Print it on stdout; texts of devices and customers pass through safe_text."""
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False)
    _print_history(console, comparison)
    if comparison.baseline is None:
        _print_alerts(console, "would be raised", comparison.candidate.alerts, "")
    if comparison.alerts is not None and comparison.has_alerts:
        _print_differences(console, comparison.alerts)
    _print_topics(console, comparison)
    _print_scores(console, comparison)
    _print_quality(console, comparison)
    _print_drift(console, comparison)
    for note in comparison.notes:
        console.print(Text(f"note: {note}", style="dim"))
    console.print(Text(verdict(comparison), style="bold"))
    if comparison.baseline is not None and comparison.tolerance:
        console.print(
            f"tolerance {percent(comparison.tolerance)}: {'kept' if comparison.within_tolerance else 'exceeded'}"
        )
    if report is not None:
        console.print(Text(f"report: {report / 'report.html'}"))


def _print_history(console: Console, comparison: Comparison) -> None:
    survey = comparison.survey
    events = ", ".join(f"{name} {count:,}" for name, count in survey.events.items())
    console.print(Text(f"history    {comparison.history}: {events}"))
    if survey.first_us is not None and survey.until_us is not None:
        span = f"{time_text(survey.first_us)[:19]}Z to {time_text(survey.until_us)[:19]}Z"
        console.print(Text(f"           {span}, {counted(len(survey.devices), 'device')}"))
    for role, side in (("baseline", comparison.baseline), ("candidate", comparison.candidate)):
        if side is not None:
            ran = f", ran {side.seconds:.1f} s" if side.seconds else ""
            letters = f", {counted(side.dead_letters, 'dead letter')}" if side.dead_letters else ""
            console.print(
                Text(f"{role:<10} {safe_text(side.name)}: {counted(len(side.alerts), 'alert')}{ran}{letters}")
            )


def _print_drift(console: Console, comparison: Comparison) -> None:
    """Say which models met or said something else than they are used to; those that did not are in the report."""
    for side in comparison.sides:
        for one in side.drift:
            if one.whole.data is None or any(figure.level in ("shifting", "drifted") for figure in one.whole.figures):
                console.print(Text(f"drift      {safe_text(side.name)}: {safe_text(told(one.whole), 400)}"))


def _print_differences(console: Console, alerts: AlertDifferences) -> None:
    if not alerts.differing:
        return
    table = Table(
        title="alerts by kind of difference", title_justify="left", show_header=False, box=None, padding=(0, 2)
    )
    table.add_row("same", f"{len(alerts.same):,}")
    for kind, count in alerts.by_kind().items():
        if count:
            table.add_row(KIND_WORDS[kind], f"{count:,}")
    console.print(table)
    _print_alerts(console, "added", alerts.added, "+")
    _print_alerts(console, "gone", alerts.gone, "-")
    if alerts.changed:
        console.print(Text(f"changed ({len(alerts.changed):,})", style="italic"))
        for change in alerts.changed[:MOST_ALERTS]:
            _print_alert(console, "~", change.after, changes_in_words(change))
        _print_more(console, len(alerts.changed))


def _print_alerts(console: Console, title: str, alerts: tuple[Episode, ...], sign: str) -> None:
    if not alerts:
        return
    console.print(Text(f"{title} ({len(alerts):,})", style="italic"))
    for alert in alerts[:MOST_ALERTS]:
        _print_alert(console, sign, alert, safe_text(alert.summary, 240))
    _print_more(console, len(alerts))


def _print_alert(console: Console, sign: str, alert: Episode, said: str) -> None:
    """Print one alert on one line, cut where the terminal ends."""
    severity = Text(f"{safe_text(alert.severity, 13):<13}", style=_COLOURS.get(alert.severity, ""))
    device = f"{safe_text(alert.device_id, 24):<14}"
    before, behind = f"  {sign} {time_text(alert.fired_us)[:19]}Z  ", f"  {device}  {safe_text(alert.rule, 40)}: {said}"
    console.print(Text.assemble(before, severity, behind), no_wrap=True, overflow="ellipsis")


def _print_more(console: Console, count: int) -> None:
    if count > MOST_ALERTS:
        console.print(Text(f"  and {count - MOST_ALERTS:,} more; --json and --report have them all", style="dim"))


def _print_topics(console: Console, comparison: Comparison) -> None:
    if not comparison.topics:
        return
    table = Table(title="outputs, row by row", title_justify="left", box=None, padding=(0, 2))
    for head in ("topic", "events", "equal bytes", "only baseline", "only candidate", "answers with another label"):
        table.add_column(head, justify="left" if head in ("topic", "answers with another label") else "right")
    for name, topic in comparison.topics.items():
        changed = ", ".join(
            f"{answer} {one.changed:,} ({percent(one.changed / one.compared)})"
            for answer, one in topic.answers.items()
            if one.changed
        )
        cells = (f"{count:,}" for count in (topic.both, topic.identical, topic.only_before, topic.only_after))
        table.add_row(Text(name), *cells, Text(changed or "none"))
    console.print(table)
    for name, topic in comparison.topics.items():
        for answer, one in topic.answers.items():
            pairs = [(pair, count) for pair, count in one.pairs.most_common() if pair[0] != pair[1]]
            for (old, new), count in pairs[:MOST_PAIRS]:
                said = f"  {name} {answer}: {safe_text(old, 60)} → {safe_text(new, 60)}  {count:,}"
                examples = one.examples.get((old, new))
                example = f'   "{safe_text(examples[0].text, 70)}"' if examples else ""
                console.print(Text(said + example), no_wrap=True, overflow="ellipsis")


def _print_certainty(console: Console, evaluation: Evaluation) -> None:
    """Print the intervals of the difference, or of the one side that there is."""
    sure = evaluation.certainty
    if sure is None:
        return
    intervals = sure.difference if sure.difference is not None else next(iter(sure.sides.values()))
    what = "candidate less baseline" if sure.difference is not None else "95 % intervals"
    said = ", ".join(
        f"{head} {interval_cell(measure, intervals[measure], signed=sure.difference is not None)}"
        for head, measure in zip(SCORE_HEADS[-len(MEASURES) :], MEASURES, strict=True)
        if intervals[measure] is not None
    )
    drawn = (
        f"95 %: {sure.resamples:,} bootstrap resamples of {counted(sure.device_days, 'device-day')}, seed {sure.seed}"
    )
    console.print(Padding(Text(f"{what}: {said} ({drawn})"), (0, 0, 0, 2)))


def _print_quality(console: Console, comparison: Comparison) -> None:
    """Print what of the history's rows is not as expected; nothing when all is."""
    for topic, counts in comparison.survey.tally.failing().items():
        for one, count in counts.items():
            said = f"data: {topic}: {one}: not so in {count.broken:,} of {counted(count.rows, 'row')}"
            console.print(Text(said, style="yellow"))
    cold = comparison.quality
    if cold is not None and cold.status != "not installed":
        broken = f"{len(cold.failed):,} broken" if cold.failed else "all kept"
        said = f"data: Great Expectations: {counted(len(cold.checks), 'check')} over {counted(cold.windows, 'window')}"
        console.print(Text(f"{said}, {broken}"))
    for note in () if cold is None else cold.notes:
        console.print(Text(f"note: {note}", style="dim"))


def _print_scores(console: Console, comparison: Comparison) -> None:
    evaluation = comparison.evaluation
    if evaluation is None:
        return
    title = f"against {counted(len(comparison.incidents), 'labelled incident')}"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2))
    table.add_column("")
    for head in SCORE_HEADS:
        table.add_column(head, justify="right")
    for name, scores in evaluation.scores.items():
        table.add_row(Text(safe_text(name, 40)), *score_cells(scores))
    console.print(table)
    _print_certainty(console, evaluation)
    costs = ", ".join(
        f"{safe_text(name, 60)} {curve.as_it_is.cost(evaluation.miss_cost):,.4g}"
        for name, curve in evaluation.costs.items()
    )
    console.print(Text(f"  cost in false alarms, a miss worth {evaluation.miss_cost:g} of them: {costs}"))
    for sentence in DEFINITIONS:
        console.print(Padding(Text(sentence, style="dim"), (0, 0, 0, 2)))
