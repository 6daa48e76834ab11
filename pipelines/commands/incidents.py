"""`hubbub incidents`: what belongs together, as the things that a person deals with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.commands.following import as_they_come
from pipelines.commands.options import broker_options, json_option, language_option, opened_broker, words_in
from schemas.severity import SEVERITIES

if TYPE_CHECKING:
    from infra.broker import Broker
    from pipelines.seen_event import SeenEvent
    from pipelines.words.alert_words import AlertWords


@click.command(epilog="Example: hubbub incidents --since 2h")
@click.argument("incident", required=False, metavar="[ID]")
@click.option("--all", "all_", is_flag=True, help="Resolved ones too.")
@click.option("--site", metavar="NAME", help="Only of this site.")
@click.option("--min-severity", type=click.Choice(SEVERITIES), help="Only what is at least as bad.")
@click.option("--since", metavar="TIME", help="Only with evidence since 2026-03-01T08:00:00Z, or 10m, 2h, 1d ago.")
@click.option("--follow", "-f", is_flag=True, help="Do not end; print each change as it comes, until Ctrl-C.")
@language_option
@broker_options
@json_option
def incidents(
    *,
    incident: str | None,
    all_: bool,
    site: str | None,
    min_severity: str | None,
    since: str | None,
    follow: bool,
    language: str | None,
    broker: str | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """List the incidents that are open now, the worst first; with an ID (or how it begins) tell one with its timeline.

    `hubbub run incidents` makes them, beside the job that raises alerts.
    """
    import time

    from pipelines.latest_records import latest_records
    from pipelines.since import time_us
    from schemas.incidents import INCIDENTS

    since_us = None if since is None else time_us(since, time.time_ns() // 1000)
    if incident is not None and (follow or all_ or site or min_severity or since):
        raise click.UsageError("expected an ID or options that choose among incidents, got both")

    def is_asked(event: dict[str, Any]) -> bool:
        from pipelines.event_lines import is_at_least

        return (
            (all_ or follow or event.get("state") != "resolved")
            and (site is None or event.get("site") == site)
            and (min_severity is None or is_at_least(event, min_severity))
            and (since_us is None or _us(event.get("updated_at")) >= since_us)
        )

    words = words_in(language, broker, config)
    with opened_broker(broker, config, must_exist=not follow) as opened:
        if follow:
            _follow(opened, is_asked, words, as_json)
            return 0
        latest = latest_records(opened, INCIDENTS.name)
    if incident is not None:
        return _tell(
            [one for one in latest if str((one.event or {}).get("incident_id")).startswith(incident)], words, as_json
        )
    found = [one for one in latest if is_asked(one.event or {})]
    found.sort(key=lambda one: (_rank(one), str((one.event or {}).get("started_at"))))
    if as_json:
        for one in found:
            click.echo(one.to_json())
    elif found:
        _print_table(found, words)
    else:
        click.echo(words.translation.say("no incidents" if all_ else "no open incidents"))
    return 0


def _follow(broker: Broker, is_asked: Any, words: AlertWords, as_json: bool) -> None:  # noqa: ANN401 - a predicate of an event
    from pipelines.records_in_order import end_of
    from pipelines.stop_signals import StopSignals
    from schemas.incidents import INCIDENTS

    with StopSignals() as stop:
        starts = {INCIDENTS.name: end_of(broker, INCIDENTS.name)}
        for one in as_they_come(broker, starts, follow=True, stop=stop.requested.is_set):
            if one.event is not None and is_asked(one.event):
                click.echo(one.to_json() if as_json else _line(one.event, words))


def _tell(found: Sequence[SeenEvent], words: AlertWords, as_json: bool) -> int:
    """Print one incident whole; status 1 when there is no such, or more than one."""
    if len(found) != 1:
        click.echo(
            "no such incident" if not found else f"{len(found)} incidents begin so; give more of the ID", err=True
        )
        return 1
    event = found[0].event or {}
    if as_json:
        click.echo(found[0].to_json())
        return 0
    from pipelines.event_lines import padded, short_time
    from pipelines.incident_timeline import timeline_of
    from pipelines.words.incident_words import cause
    from schemas.safe_text import safe_text

    click.echo(_line(event, words))
    click.echo(f"  {safe_text(cause(event, words.translation.language), 400)}")
    for entry in timeline_of(event):
        what = safe_text(str(entry.get("text") or ""), 160)
        when, device = short_time(str(entry.get("event_time"))), safe_text(str(entry.get("device_id")), 24)
        kind = padded(words.translation.say(safe_text(str(entry.get("kind")), 12)), 9)
        click.echo(f"  {when}  {kind}  {padded(device, 16)}  {str(entry.get('event_id'))[:8]}  {what}")
    return 0


def _line(event: dict[str, Any], words: AlertWords) -> str:
    from pipelines.event_lines import padded, short_time
    from schemas.safe_text import safe_text

    say = words.translation.say
    severity, state = (
        padded(say(safe_text(str(event.get(name)), width)), width) for name, width in (("severity", 13), ("state", 8))
    )
    told = safe_text(words.paragraph(event), 800)
    return "  ".join(
        (short_time(str(event.get("event_time"))), severity, state, str(event.get("incident_id"))[:8], told)
    )


def _print_table(found: Sequence[SeenEvent], words: AlertWords) -> None:
    from pipelines.commands.table import aligned
    from pipelines.event_lines import short_time
    from schemas.safe_text import safe_text

    say = words.translation.say
    named = ("ID", "SEVERITY", "STATE", "STARTED", "SITE", "CAUSE", "DEVICES", "ALERTS", "SUMMARY")
    rows = [tuple(map(say, named))]
    for one in found:
        event = one.event or {}
        rows.append(
            (
                str(event.get("incident_id", ""))[:8],
                say(safe_text(str(event.get("severity", "")), 13)),
                say(safe_text(str(event.get("state", "")), 8)),
                short_time(str(event.get("started_at", ""))),
                safe_text(str(event.get("site", "")), 24),
                safe_text(str(event.get("probable_cause_device_id", "")), 24),
                str(event.get("device_count", "")),
                str(event.get("alert_count", "")),
                safe_text(words.paragraph(event), 400),
            )
        )
    for line in aligned(rows):
        click.echo(line)


def _rank(seen: SeenEvent) -> int:
    from pipelines.event_lines import severity_of

    severity = severity_of(seen.event or {})
    return SEVERITIES.index(severity) if severity else len(SEVERITIES)


def _us(text: object) -> int:
    from schemas.timestamps import parse_timestamp

    moment = parse_timestamp(str(text))
    return 0 if moment is None else round(moment.timestamp() * 1e6)
