"""`hubbub silence`: alerts that nobody is told of for a time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.commands.options import broker_options, json_option, opened_broker
from pipelines.commands.user_name import user_name

if TYPE_CHECKING:
    from infra.broker import Broker
    from pipelines.silences import Silence


@click.group(epilog="Example: hubbub silence add --matcher device_id=d-17 --for 2h")
def silence() -> None:
    """Silence alerts by their labels for a time. Alerts go on as they are; nobody is told."""


@silence.command("add", epilog="Example: hubbub silence add --matcher site=lab --for 2h --comment 'new pump'")
@click.option(
    "--matcher",
    "matchers",
    multiple=True,
    required=True,
    metavar="LABEL=VALUE",
    help="Which alerts: LABEL=VALUE, !=, =~ or !~ (a pattern for the whole value). All that are given must hold.",
)
@click.option("--for", "for_", required=True, metavar="TIME", help="How long, like 30m, 2h, 1d.")
@click.option("--starts", metavar="TIME", help="From when on, like 2026-03-01T08:00:00Z (default: now).")
@click.option("--comment", default="", help="Why, for whoever wonders.")
@click.option("--by", metavar="NAME", help="Who asks for it (default: the user's name).")
@broker_options
@json_option
def add(
    *,
    matchers: tuple[str, ...],
    for_: str,
    starts: str | None,
    comment: str,
    by: str | None,
    broker: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Silence the alerts whose labels match, and print the silence's id.

    Labels are those of the alert (alertname, device_id, ...), its severity and category, and where the registry says
    that its device stands: site, room, type, upstream.
    """
    from pipelines.duration import duration_us
    from pipelines.silences import new_silence, write_silence
    from pipelines.since import time_us

    now_us = time.time_ns() // 1000
    starts_us = None if starts is None else time_us(starts, now_us)
    made = new_silence(
        matchers,
        now_us=now_us,
        for_us=duration_us(for_),
        starts_us=starts_us,
        by=user_name() if by is None else by,
        comment=comment,
    )
    with opened_broker(broker, config, must_exist=True) as opened:
        write_silence(opened, made, now_us)
        click.echo(_matched_now(opened, made, now_us), err=True)
    if as_json:
        import orjson

        click.echo(orjson.dumps(made.to_json(now_us)))
    else:
        click.echo(made.id)


@silence.command("list", epilog="Example: hubbub silence list --all")
@click.option("--all", "all_", is_flag=True, help="Also those that have ended.")
@broker_options
@json_option
def list_(*, all_: bool, broker: str | None, config: Path | None, as_json: bool) -> None:
    """List the silences that hold now or will hold, by their start."""
    from pipelines.commands.table import aligned
    from pipelines.event_lines import short_time
    from pipelines.seen_event import time_text
    from pipelines.silences import shown, silences_of
    from schemas.safe_text import safe_text

    now_us = time.time_ns() // 1000
    with opened_broker(broker, config, must_exist=True) as opened:
        found = [one for one in silences_of(opened) if all_ or one.state(now_us) != "expired"]
    if as_json:
        import orjson

        for one in found:
            click.echo(orjson.dumps(one.to_json(now_us)))
        return
    if not found:
        click.echo("no silences")
        return
    rows = [("ID", "STATE", "STARTS", "ENDS", "BY", "MATCHERS", "COMMENT")]
    for one in found:
        starts, ends = (short_time(time_text(at)) for at in (one.starts_us, one.ends_us))
        by, comment = safe_text(one.created_by, 20), safe_text(one.comment, 60)
        rows.append((safe_text(one.id, 16), one.state(now_us), starts, ends, by, shown(one), comment))
    for line in aligned(rows):
        click.echo(line)


@silence.command("expire", epilog="Example: hubbub silence expire 3f2a9c")
@click.argument("id_", metavar="ID")
@broker_options
def expire(*, id_: str, broker: str | None, config: Path | None) -> None:
    """End a silence now; ID may be cut short where it stays clear which is meant."""
    from pipelines.silences import expired, shown, silence_named, write_silence

    now_us = time.time_ns() // 1000
    with opened_broker(broker, config, must_exist=True) as opened:
        ended = expired(silence_named(opened, id_), now_us)
        write_silence(opened, ended, now_us)
    click.echo(f"{ended.id} ended: {shown(ended)}")


def _matched_now(broker: Broker, made: Silence, now_us: int) -> str:
    """Say how many open alerts it takes: a label that was misspelt shows here."""
    from pipelines.latest_records import latest_records
    from pipelines.located_alerts import located
    from schemas.alerts import ALERTS
    from schemas.matcher import match_all

    latest = latest_records(broker, ALERTS.name)
    firing = located(broker, [one for one in latest if one.event and one.event.get("state") == "firing"])
    taken = sum(match_all(made.matchers, alert.labels) for alert in firing)
    missing = {one.name for one in made.matchers} - {name for alert in firing for name in alert.labels}
    hint = f"; none has a label {', '.join(sorted(missing))}" if firing and missing else ""
    when = "" if made.state(now_us) == "active" else ", once it begins"
    return f"silences {taken:,} of {len(firing):,} open alerts{when}{hint}"
