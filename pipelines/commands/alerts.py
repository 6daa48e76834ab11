"""`hubbub alerts`: the alerts that are open now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.commands.alerts_actions import ack, comment, right, unack, wrong
from pipelines.commands.alerts_explain import explain, rules_
from pipelines.commands.alerts_feedback import feedback
from pipelines.commands.alerts_test import test
from pipelines.commands.options import broker_options, json_option, language_option, opened_broker, words_in
from schemas.severity import SEVERITIES

if TYPE_CHECKING:
    from pipelines.seen_event import SeenEvent
    from pipelines.words.alert_words import AlertWords


def _list_options(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--all", "all_", is_flag=True, help="Resolved and pending ones too.")(command)
    command = click.option("--device", metavar="ID", help="Only of this device.")(command)
    command = click.option(
        "--matcher",
        "matchers",
        multiple=True,
        metavar="LABEL=VALUE",
        help="Only what has such a label, its device's site, room, type, upstream among them; !=, =~ and !~, too.",
    )(command)
    command = click.option("--min-severity", type=click.Choice(SEVERITIES), help="Only what is at least as bad.")(
        command
    )
    return language_option(broker_options(json_option(command)))


@click.group(invoke_without_command=True, epilog="Example: hubbub alerts --min-severity major")
@_list_options
def alerts(**options: Any) -> None:  # noqa: ANN401 - click hands over what _list_options declare
    """List the alerts that are open now, the worst first."""
    if click.get_current_context().invoked_subcommand is None:
        _list(**options)


@alerts.command("list", epilog="Example: hubbub alerts list --matcher site=lab --json")
@_list_options
def list_(**options: Any) -> None:  # noqa: ANN401
    """List the alerts that are open now, the worst first."""
    _list(**options)


for _command in (ack, unack, comment, wrong, right, feedback, explain, rules_, test):
    alerts.add_command(_command)


def _list(
    *,
    all_: bool,
    device: str | None,
    min_severity: str | None,
    matchers: tuple[str, ...],
    language: str | None,
    broker: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    from pipelines.alert_actions import actions_of, joined
    from pipelines.event_lines import has_fired, is_at_least
    from pipelines.latest_records import latest_records
    from pipelines.located_alerts import located
    from schemas.alerts import ALERTS
    from schemas.matcher import match_all, parse_matchers

    wanted = parse_matchers(matchers, may_match_all=True)
    words = words_in(language, broker, config)
    with opened_broker(broker, config, must_exist=True) as opened:
        latest = latest_records(opened, ALERTS.name)
        actions = actions_of(opened)
        found = [
            one
            for one in latest
            if one.event is not None
            and (all_ or (has_fired(one.event) and one.event.get("state") != "resolved"))
            and (device is None or one.event.get("device_id") == device)
            and (min_severity is None or is_at_least(one.event, min_severity))
        ]
        if wanted or as_json:
            alerts = zip(found, located(opened, found), strict=True)
            found = [_at(one, alert.place) for one, alert in alerts if match_all(wanted, alert.labels)]
    found = [replace(one, event=joined(one.event or {}, actions)) for one in found]
    found.sort(key=lambda one: (_rank(one), str((one.event or {}).get("opened_at"))))
    if as_json:
        for one in found:
            click.echo(one.to_json())
    elif found:
        _print_table(found, words)
    else:
        click.echo(words.translation.say("no alerts" if all_ else "no open alerts"))


def _at(seen: SeenEvent, place: Mapping[str, str]) -> SeenEvent:
    """Return an alert with where its device stood, where anybody knows."""
    return replace(seen, event={**(seen.event or {}), "place": place}) if place else seen


def _rank(seen: SeenEvent) -> int:
    from pipelines.event_lines import severity_of

    severity = severity_of(seen.event or {})
    return SEVERITIES.index(severity) if severity else len(SEVERITIES)


def _told(event: Mapping[str, Any], words: AlertWords) -> str:
    """Return an alert's sentence, who took it over, and what was said of it."""
    from schemas.safe_text import safe_text

    say, summary = words.translation.say, safe_text(words.sentence(event), 240)
    if event.get("verdict") in ("right", "wrong"):
        called = f"called {event['verdict']} by {{name}}"
        summary = say("{what} ({more})", what=summary, more=say(called, name=safe_text(str(event["judged_by"]), 40)))
    by, comments = event.get("acknowledged_by"), event.get("comments") or ()
    if by is not None:
        who = say("acknowledged by {name}", name=safe_text(str(by), 40))
    elif comments:
        who = safe_text(comments[-1]["by"], 40)
    else:
        return summary
    if comments:
        who = say('{who}: "{words}"', who=who, words=safe_text(comments[-1]["text"], 80))
    return say("{what} ({more})", what=summary, more=who)


def _print_table(found: list[SeenEvent], words: AlertWords) -> None:
    from pipelines.commands.table import aligned
    from pipelines.event_lines import short_time
    from schemas.safe_text import safe_text

    say = words.translation.say
    rows = [tuple(map(say, ("SEVERITY", "STATE", "OPENED", "DEVICE", "EVENTS", "ID", "SUMMARY")))]
    for one in found:
        event = one.event or {}
        rows.append(
            (
                say(safe_text(str(event.get("severity", "")), 13)),
                say(safe_text(str(event.get("state", "")), 8)),
                short_time(str(event.get("opened_at", ""))),
                safe_text(str(event.get("device_id", "")), 24),
                safe_text(str(event.get("count", "")), 9),
                safe_text(str(event.get("fingerprint", ""))[:8], 8),
                _told(event, words),
            )
        )
    for line in aligned(rows):
        click.echo(line)
