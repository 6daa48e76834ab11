"""How the demo looks: alerts as they come, a line of progress, and the reckoning at the end.

Results go to stdout, in colours on a terminal and as plain lines into a file or pipe; progress goes to stderr, and
only to a terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.demo.findings import DEFINITION, Finding, Findings, kind_of
from pipelines.demo.heard import Alert
from pipelines.demo.performance import Moment
from pipelines.demo.simulate import Simulation
from pipelines.demo.words import clock, span, what_it_saw, why

_STYLE = {"critical": "bold red", "major": "red", "minor": "yellow", "warning": "yellow", "indeterminate": "dim"}
_PLAIN_WIDTH = 120
_INDENT = " " * 43


class Stage:
    """Prints everything that the demo shows."""

    def __init__(self) -> None:
        self._out = Console(highlight=False, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)
        self._progress_shown = False

    def open(self, simulation: Simulation) -> None:
        """Say what is going to happen."""
        building = simulation.building
        self._line(
            Text.assemble(
                ("Mulberry House", "bold"),
                f", yesterday from midnight to midnight (UTC): {len(building.devices)} devices talk, about "
                f"{simulation.about:,} events, seed {simulation.seed}.",
            )
        )
        self._line(
            Text(
                "Real models listen. Troubles are planted, and things that only look like it; the end tells which.",
                "dim",
            )
        )
        self._line(Text())

    def alert(self, alert: Alert) -> None:
        """Show one alert, and below it why."""
        row, severity = alert.first, str(alert.first["severity"])
        saw = Text.assemble(
            (clock(alert.fired_us or 0), "dim"),
            "  ",
            (f"● {severity:<14}", _STYLE.get(severity, "")),
            (f"{row['device_id']:<13} ", "bold"),
            (f"{kind_of(alert):<10}"[:10], "cyan"),
            what_it_saw(alert),
        )
        self._line(saw)
        self._line(Text(_INDENT + why(alert), "dim"))

    def progress(self, moment: Moment, about: int) -> None:
        """Show how far the day is, on one line of stderr that the next one replaces."""
        if not sys.stderr.isatty():
            return
        rate = moment.events / moment.seconds if moment.seconds else 0.0
        done = min(1.0, moment.events / about)
        bar = "━" * round(30 * done) + "╌" * (30 - round(30 * done))
        sys.stderr.write(f"\r\x1b[K{clock(moment.clock_us)} {bar} {moment.events:,} events, {rate:,.0f}/s")
        sys.stderr.flush()
        self._progress_shown = True

    def close(self, findings: Findings, counts: dict[str, int], seconds: float) -> None:
        """Say what was planted, what was found, and how fast it went."""
        self._line(Text())
        self._out.print(_planted(findings.incidents))
        self._out.print(_looked_alike(findings.look_alikes))
        self._line(_verdict(findings))
        self._line(Text(DEFINITION, "dim"), wrap=True)
        self._line(Text())
        total = sum(counts.values())
        self._line(
            Text.assemble(
                (f"{total:,} events in {seconds:.0f} s: {total / seconds:,.0f} events/s", "bold"), ", of which"
            )
        )
        for topic, count in sorted(counts.items(), key=lambda item: -item[1]):
            self._line(Text(f"  {topic:<19} {count:>7,}  {count / seconds:>8,.1f}/s"))

    def invite(self, commands: Iterable[tuple[str, str]]) -> None:
        """Name commands to go on with."""
        self._line(Text())
        self._line(Text("All of it is kept. Go on with", "bold"))
        for command, what in commands:
            self._line(Text.assemble("  ", (command, "green"), ("  # " + what, "dim")), wrap=True)

    def say(self, text: str) -> None:
        """Print one plain line."""
        self._line(Text(text))

    def clear_progress(self) -> None:
        """Take the line of progress away."""
        if self._progress_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._progress_shown = False

    def _line(self, text: Text, *, wrap: bool = False) -> None:
        self.clear_progress()
        if wrap or not self._out.is_terminal:
            self._out.print(text, soft_wrap=not self._out.is_terminal)
        else:
            self._out.print(text, no_wrap=True, overflow="ellipsis", crop=True)


def _planted(findings: Iterable[Finding]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), title="What was planted, and when it was heard", title_justify="left")
    table.title_style = "bold"
    for name in ("from", "device", "what happened", "found after", "before its alarm", "told by"):
        table.add_column(name, header_style="dim", no_wrap=name != "told by", justify="left")
    for finding in findings:
        incident = finding.incident
        if finding.after_s is None:
            found, ahead = Text("not found", "bold red"), Text("-")
        else:
            found = Text(span(finding.after_s))
            early = finding.ahead_s or 0.0
            ahead = Text(span(early), "green") if early >= 1 else Text("by the alarm", "yellow")
        table.add_row(
            clock(incident.start_us), incident.devices[0], incident.title, found, ahead, ", ".join(finding.told_by)
        )
    return table


def _looked_alike(findings: Iterable[Finding]) -> Table:
    table = Table(
        box=None, padding=(0, 2, 0, 0), title="\nWhat only looked like trouble", title_justify="left", show_header=False
    )
    table.title_style = "bold"
    for finding in findings:
        incident, alerts = finding.incident, len(finding.alerts)
        heard = (
            Text("left alone", "green")
            if not alerts
            else Text(f"{alerts} alert{'s' * (alerts > 1)}: {', '.join(finding.told_by)}", "yellow")
        )
        table.add_row(clock(incident.start_us), incident.devices[0], incident.title, heard)
    return table


def _verdict(findings: Findings) -> Text:
    early = sorted(finding.ahead_s for finding in findings.incidents if finding.ahead_s)
    planted, right = len(findings.incidents), sum(len(finding.alerts) for finding in findings.incidents)
    text = Text.assemble("\n", (f"Found {findings.found} of {planted}", "bold"))
    if early:
        text.append(f", {len(early)} before the hard alarm, by {span(early[len(early) // 2])} in the median")
    text.append(f". {right} alerts about them, ")
    text.append(f"{findings.false_alerts} false", "bold")
    text.append(f", {len(findings.notices)} mere notices, not shown.")
    return text
