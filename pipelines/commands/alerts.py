"""`hubbub alerts`: the alerts that are open now."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from pipelines.commands.alerts_actions import ack, comment, right, unack, wrong
from pipelines.commands.alerts_explain import explain, rules_
from pipelines.commands.alerts_feedback import feedback
from pipelines.commands.alerts_test import test
from pipelines.commands.following import as_they_come, choice_options
from pipelines.commands.options import broker_options, json_option, language_option, opened_broker, words_in


def _list_options(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--all", "all_", is_flag=True, help="Resolved and pending ones too.")(command)
    return language_option(broker_options(json_option(choice_options(command))))


@click.group(
    invoke_without_command=True, epilog="Example: hubbub alerts --min-severity major --matcher site=lab --follow"
)
@_list_options
def alerts(**options: Any) -> None:  # noqa: ANN401 - click hands over what _list_options declare
    """List the alerts that are open now, the worst first.

    With --follow then a line for each change of them, as it comes: also when one ends, or somebody takes it over.
    """
    if click.get_current_context().invoked_subcommand is None:
        _list(**options)


@alerts.command("list", epilog="Example: hubbub alerts list --matcher site=lab --json")
@_list_options
def list_(**options: Any) -> None:  # noqa: ANN401
    """List the alerts that are open now, the worst first.

    With --follow then a line for each change of them, as it comes: also when one ends, or somebody takes it over.
    """
    _list(**options)


for _command in (ack, unack, comment, wrong, right, feedback, explain, rules_, test):
    alerts.add_command(_command)


def _list(
    *,
    all_: bool,
    devices: tuple[str, ...],
    min_severity: str | None,
    matchers: tuple[str, ...],
    since: str | None,
    follow: bool,
    language: str | None,
    broker: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    import time

    from pipelines.asked_alerts import AskedAlerts
    from pipelines.commands.alert_table import AlertTable
    from pipelines.event_choice import choice_of
    from pipelines.since import time_us
    from pipelines.stop_signals import StopSignals
    from schemas.alerts import ALERTS

    since_us = None if since is None else time_us(since, time.time_ns() // 1000)
    choice = choice_of(ALERTS.name, devices, min_severity, matchers)
    words = words_in(language, broker, config)
    table, stop = AlertTable(words), StopSignals()
    with opened_broker(broker, config, must_exist=not follow) as opened, stop if follow else nullcontext():
        known = AskedAlerts(opened, choice, all_=all_, placed=as_json, follow=follow)
        found = known.listed(since_us)
        if as_json:
            for one in found:
                click.echo(one.to_json())
        elif found or follow:
            for line in table.lines(found):
                click.echo(line)
        else:
            click.echo(words.translation.say("no alerts" if all_ else "no open alerts"))
        if follow:
            for seen in as_they_come(opened, known.ends, follow=True, stop=stop.requested.is_set):
                for one in known.changed_by(seen):
                    click.echo(one.to_json() if as_json else table.line(one))
