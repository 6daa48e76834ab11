"""`hubbub top`: the jobs of a broker in a terminal, again and again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.commands.options import broker_options, json_option, opened_broker

if TYPE_CHECKING:
    from pipelines.watching.glance import Look


@click.command(epilog="Example: hubbub top --every 1")
@click.option(
    "--every", type=click.FloatRange(0.1), default=2.0, show_default=True, metavar="S", help="How often to look."
)
@click.option("--once", is_flag=True, help="Look twice, --every apart, print that, and end.")
@broker_options
@json_option
def top(*, every: float, once: bool, broker: str | None, config: Path | None, as_json: bool) -> None:
    """Show how far each group of each job is and how fast, the open alerts, the dead letters; Ctrl-C ends.

    With --json one line for each look.
    """
    import sys

    import orjson

    from pipelines.stop_signals import StopSignals
    from pipelines.watching.glance import Glance

    with opened_broker(broker, config, must_exist=True) as opened, StopSignals() as stop:
        glance = Glance(opened)
        glance.look()
        while not stop.requested.wait(every):
            look = glance.look()
            if as_json:
                click.echo(orjson.dumps(_as_json(look)))
            else:
                if sys.stdout.isatty() and not once:
                    click.clear()
                    click.echo(f"{opened.url}  {time.strftime('%H:%M:%S')}\n")
                click.echo("\n".join(_lines(look)))
            if once:
                return


def _as_json(look: Look) -> dict[str, object]:
    return {
        "groups": [
            {
                "group": one.group,
                "records_per_s": None if one.records_per_s is None else round(one.records_per_s, 1),
                "lag_records": one.lag_records,
                "lag_seconds": round(one.lag_seconds, 3),
            }
            for one in look.groups
        ],
        "alerts": [
            {"state": state, "severity": severity, "count": count}
            for (state, severity), count in sorted(look.alerts.items())
        ],
        "dead_letters": look.dead_letters,
    }


def _lines(look: Look) -> list[str]:
    from pipelines.commands.table import aligned
    from schemas.severity import SEVERITIES

    rows = [("GROUP", "RECORDS/S", "BEHIND", "WAITING")]
    for one in look.groups:
        rate = "-" if one.records_per_s is None else f"{one.records_per_s:,.0f}"
        rows.append((one.group, rate, f"{one.lag_records:,}", f"{one.lag_seconds:,.1f} s"))
    firing = {severity: count for (state, severity), count in look.alerts.items() if state == "firing"}
    told = ", ".join(f"{firing[severity]:,} {severity}" for severity in SEVERITIES if severity in firing) or "none"
    pending = sum(count for (state, _), count in look.alerts.items() if state == "pending")
    return [*aligned(rows), "", f"firing: {told}; pending: {pending:,}; dead letters: {look.dead_letters:,}"]
