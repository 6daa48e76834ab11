"""How the demo looks: alerts as they come, a line of progress, and the reckoning at the end.

Results go to stdout, in colours on a terminal and as plain lines into a file or pipe; progress goes to stderr, and
only to a terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from pipelines.demo.findings import DEFINITION, Finding, Findings
from pipelines.demo.heard import Alert
from pipelines.demo.performance import Moment
from pipelines.demo.simulate import Simulation
from pipelines.demo.words import NAMES, clock, span, what_it_saw, why
from schemas.safe_text import safe_text

_STYLE = {"critical": "bold red", "major": "red", "minor": "yellow", "warning": "yellow"}
_PLAIN_WIDTH = 240
_BAR = 30
_WHO = 33


class Stage:
    """Prints everything that the demo shows."""

    def __init__(self) -> None:
        self._out = Console(highlight=False, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)
        self._progress_shown = False

    def open(self, simulation: Simulation) -> None:
        """Say what is going to happen."""
        devices = len(simulation.building.devices)
        self._say(
            ("Mulberry House, yesterday (UTC): ", "bold"),
            f"{devices} devices, about {simulation.about:,} events, seed {simulation.seed}.",
        )
        self._say(("Some things go wrong, some only look like it. Which is which, you read at the end.\n", "dim"))

    def alert(self, alert: Alert) -> None:
        """Show one alert, and below what it saw, why that counted."""
        row, severity = alert.first, str(alert.first["severity"])
        who = Text.assemble(
            (clock(alert.fired_us or 0), "dim"),
            (f"  ● {severity:<10}", _STYLE.get(severity, "")),
            (f"{row['device_id']:<14}", "bold"),
        )
        lines = Table.grid()
        lines.add_column(width=_WHO, no_wrap=True)
        lines.add_column(overflow="fold")
        lines.add_row(who, Text(what_it_saw(alert)))
        lines.add_row("", Text(why(alert), "dim"))
        self._print(lines)

    def progress(self, moment: Moment, simulation: Simulation) -> None:
        """Show how far the day is, on one line of stderr that the next one replaces."""
        if not sys.stderr.isatty():
            return
        rate = moment.events / moment.seconds if moment.seconds else 0.0
        done = round(_BAR * min(1.0, moment.events / simulation.about))
        bar = "━" * done + "╌" * (_BAR - done)
        when = clock(moment.clock_us) if moment.clock_us >= simulation.start_us else "the day before, readings only"
        sys.stderr.write(f"\r\x1b[K{when} {bar} {moment.events:,} events, {rate:,.0f}/s")
        sys.stderr.flush()
        self._progress_shown = True

    def clear_progress(self) -> None:
        """Take the line of progress away."""
        if self._progress_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._progress_shown = False

    def close(self, findings: Findings, counts: Mapping[str, int], seconds: float) -> None:
        """Say what was planted, what was found, and how fast it went."""
        self._say(("\nWhat went wrong, and when hubbub noticed", "bold"))
        self._print(_planted(findings.incidents))
        self._say(("\nWhat only looked like it", "bold"))
        self._print(_looked_alike(findings.look_alikes))
        self._verdict(findings)
        self._say((DEFINITION, "dim"))
        total = sum(counts.values())
        self._say((f"\n{total:,} events in {seconds:.0f} s, {total / seconds:,.0f} a second", "bold"))
        for topic, count in sorted(counts.items(), key=lambda item: -item[1]):
            self._say(f"  {topic:<19} {count:>7,}   {count / seconds:>7,.1f}/s")

    def incidents(self, incidents: Sequence[Mapping[str, Any]]) -> None:
        """Say what of all the alerts belongs together: what a person would have dealt with."""
        alerts = sum(incident["alert_count"] for incident in incidents)
        self._say((f"\n{len(incidents)} incidents are what {alerts} of the alerts, pending ones too, come to", "bold"))
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for name in ("from", "worst", "cause", "devices", "alerts", "evidence"):
            table.add_column(name, no_wrap=True)
        for one in incidents:
            severity = str(one["severity"])
            table.add_row(
                str(one["started_at"])[11:16],
                Text(severity, _STYLE.get(severity, "")),
                safe_text(str(one["probable_cause_device_id"]), 24),
                str(one["device_count"]),
                str(one["alert_count"]),
                " ".join(NAMES[kind] for kind in one["evidence_kinds"]),
            )
        self._print(table)

    def invite(self, commands: Iterable[tuple[str, str]]) -> None:
        """Name commands to go on with."""
        self._say(("\nAll of it is kept. To go on:", "bold"))
        for command, what in commands:
            self._say((f"  # {what}", "dim"))
            self._say(("  " + command, "green"), whole=True)

    def stopped(self, events: int, url: str) -> None:
        """Say that somebody stopped it, and where it can go on."""
        self._say(f"\nStopped. {events:,} events are kept; `hubbub run --broker {url}` understands the rest of them.")

    def _verdict(self, findings: Findings) -> None:
        early = sorted(finding.ahead_s for finding in findings.incidents if finding.ahead_s)
        right = sum(len(finding.alerts) for finding in findings.incidents)
        ahead = (
            f", {len(early)} of them ahead of the hard alarm (median {span(early[len(early) // 2])})" if early else ""
        )
        self._say(
            (f"\nFound {findings.found} of {len(findings.incidents)}", "bold"),
            f"{ahead}, in {right} alerts; ",
            (f"{findings.false_alerts} false alerts", "bold"),
            f"; {len(findings.notices)} mere notices, not shown.",
        )
        if findings.learning:
            self._say(
                "The detector learnt what is usual from the readings of the day before; its "
                f"{len(findings.learning)} alerts of that day are not counted."
            )

    def _say(self, *parts: str | tuple[str, str], whole: bool = False) -> None:
        """Print one line. A terminal wraps it at words, unless it is to stay whole; a pipe gets it whole."""
        self._print(Text.assemble(*parts), soft_wrap=whole or not self._out.is_terminal)

    def _print(self, what: RenderableType, *, soft_wrap: bool = False) -> None:
        self.clear_progress()
        if self._out.is_terminal:
            self._out.print(what, soft_wrap=soft_wrap)
            return
        with self._out.capture() as captured:
            self._out.print(what, soft_wrap=soft_wrap)
        # Tables fill their cells with blanks, which nobody wants in a file.
        sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
        sys.stdout.flush()


def _planted(findings: Iterable[Finding]) -> Table:
    table = _table("from", "device", "what", "after", "before alarm", "told by")
    for finding in findings:
        incident = finding.incident
        if finding.after_s is None:
            after, ahead = Text("not found", "bold red"), Text("")
        else:
            after, early = Text(span(finding.after_s)), finding.ahead_s or 0.0
            ahead = Text(span(early), "green") if early >= 1 else Text("no", "yellow")
        told = " ".join(NAMES[kind] for kind in finding.told_by)
        table.add_row(clock(incident.start_us), incident.devices[0], incident.title, after, ahead, told)
    return table


def _looked_alike(findings: Iterable[Finding]) -> Table:
    table = _table()
    for finding in findings:
        incident, alerts = finding.incident, len(finding.alerts)
        heard = Text("left alone", "green")
        if alerts:
            heard = Text(f"{alerts} alert{'s' * (alerts > 1)}: {' '.join(finding.told_by)}", "yellow")
        table.add_row(clock(incident.start_us), incident.devices[0], incident.title, heard)
    return table


def _table(*names: str) -> Table:
    """Return a table without lines, as wide as the reckoning's two need to be under one another."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=bool(names), header_style="dim")
    for index, least in enumerate((5, 11, 25, 10)):
        table.add_column(names[index] if names else "", min_width=least, no_wrap=True)
    for name in names[4:]:
        table.add_column(name, no_wrap=True)
    return table
