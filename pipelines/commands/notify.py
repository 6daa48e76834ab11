"""`hubbub notify`: tells people of alerts, and says what it told and what failed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.commands.options import (
    broker_options,
    chosen_rules,
    json_option,
    log_format_option,
    opened_broker,
    settings_of,
)

if TYPE_CHECKING:
    from infra.broker import Broker
    from pipelines.notify.history import ReceiverHistory
    from pipelines.notify.notifier import Notifier
    from pipelines.notify.notify_file import Notifying

_FILE = click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Who is told of what (default: notify.toml beside hubbub.toml).",
)


@click.group(invoke_without_command=True, epilog="Example: hubbub notify --file notify.toml")
@_FILE
@click.option("--instance", metavar="NAME", help="This process's name among the notifiers (default: a free one).")
@click.option("--metrics", metavar="HOST:PORT", help="Answer /metrics and /healthz there.")
@log_format_option
@broker_options
def notify(
    *,
    file: Path | None,
    instance: str | None,
    metrics: str | None,
    log_format: str | None,
    broker: str | None,
    config: Path | None,
) -> None:
    """Tell people of alerts, as notify.toml says, until stopped.

    Alerts are routed by their labels, grouped, and told to webhooks, Alertmanager, chats and e-mail. What was told is
    remembered: a notifier that was killed goes on, and sends what is in doubt again under the same id.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return
    from infra.broker_url import is_kafka
    from pipelines.notify.notifier import Notifier, join
    from pipelines.notify.wording import languages_of
    from pipelines.speaking import say, speaking
    from pipelines.stop_signals import StopSignals
    from schemas.alert_actions import ALERTS_ACTIONS
    from schemas.alerts import ALERTS
    from schemas.notifications import NOTIFICATIONS
    from schemas.safe_text import safe_text
    from schemas.silences import SILENCES

    notifying = _read(file, config)
    settings = settings_of(broker, config, metrics__notify_listen=metrics, logs__format=log_format)
    # Alerts are told anew in a language by their rules; who asks for none needs no rules.
    rules = chosen_rules(settings).rules if languages_of(notifying.plan.receivers) else ()
    with speaking(settings.logs.format), opened_broker(broker, config) as opened, StopSignals() as stop:
        opened.expect_topics([ALERTS, ALERTS_ACTIONS, SILENCES, NOTIFICATIONS])
        membership = join(opened, instance, named=not is_kafka(settings.broker.url))
        notifier = Notifier(
            opened,
            notifying,
            membership,
            poll_s=settings.job.poll_s,
            told=lambda line: say(safe_text(line, 400)),
            rules=rules,
        )
        with _metrics(settings.metrics.notify_listen, notifier, opened):
            notifier.run(stop.requested)


@notify.command("check", epilog="Example: hubbub notify check alertname=log_novel severity=critical site=lab")
@click.argument("labels", nargs=-1, metavar="[LABEL=VALUE]...")
@_FILE
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings file.")
def check(*, labels: tuple[str, ...], file: Path | None, config: Path | None) -> None:
    """Check notify.toml, and say who would be told of an alert of these labels."""
    from pipelines.bad_input import BadInput
    from pipelines.duration import duration_text
    from schemas.safe_text import safe_text

    notifying = _read(file, config)
    plan = notifying.plan
    if not labels:
        routes = sum(1 for _ in plan.route.walk())
        click.echo(
            f"fine; routes: {routes}, receivers: {len(plan.receivers)}, inhibition rules: {len(plan.inhibit_rules)}"
        )
        return
    given = {}
    for one in labels:
        name, equals, value = one.partition("=")
        if not name or not equals:
            raise BadInput(f"expected LABEL=VALUE, got {one!r}")
        given[name] = value
    for route in plan.route.find(given):
        by = ", ".join(f"{name}={value}" for name, value in route.group_labels(given).items()) or "one group"
        wait, interval, repeat = map(
            duration_text, (route.group_wait_us, route.group_interval_us, route.repeat_interval_us)
        )
        said = f"{route.receiver}: grouped by {by}; after {wait}, changes every {interval}, repeated every {repeat}"
        steps = [f"{step.receiver} after {duration_text(step.after_us)}" for step in route.escalate]
        click.echo(safe_text(said + (f"; then {', '.join(steps)}" if steps else ""), 400))


@notify.command("try", epilog="Example: hubbub notify try team")
@click.argument("receiver")
@_FILE
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings file.")
def try_(*, receiver: str, file: Path | None, config: Path | None) -> int:
    """Send one test notification to RECEIVER now. Exit status 1 when it does not arrive."""
    from pipelines.bad_input import BadInput
    from pipelines.notify.receivers import sender_to
    from pipelines.notify.trial import trial_notification

    notifying = _read(file, config)
    if receiver not in notifying.addresses:
        raise BadInput(f"expected one of the receivers {', '.join(notifying.addresses)}, got {receiver!r}")
    now_us = time.time_ns() // 1000
    notification = trial_notification(notifying.plan.receivers[receiver], now_us)
    tried = sender_to(notifying.addresses[receiver])(notification, now_us / 1e6)
    click.echo(f"{receiver}: {tried.error or 'arrived'}")
    return 1 if tried.error else 0


@notify.command("status", epilog="Example: hubbub notify status --json")
@broker_options
@json_option
def status(*, broker: str | None, config: Path | None, as_json: bool) -> int:
    """Say what each receiver was told lately, and what failed. Exit status 1 when something fails now."""
    from pipelines.commands.table import aligned
    from pipelines.event_lines import short_time
    from pipelines.notify.history import told
    from schemas.safe_text import safe_text

    with opened_broker(broker, config, must_exist=True) as opened:
        found = told(opened)
    if as_json:
        import orjson

        for name, one in found.items():
            click.echo(orjson.dumps(_status_json(name, one)))
    elif not found:
        click.echo("nobody was told anything yet")
    else:
        rows = [("RECEIVER", "DELIVERED", "LAST", "ON THE WAY", "FAILING", "GIVEN UP", "WHY")]
        for name, one in found.items():
            failing = one.failing
            why = str((failing or one.given_up)[-1].get("error") or "") if failing or one.given_up else ""
            on_the_way, failing_, given_up = (f"{len(few):,}" for few in (one.on_their_way, failing, one.given_up))
            last = short_time(one.last_delivered) if one.last_delivered else "never"
            rows.append(
                (safe_text(name, 30), f"{one.delivered:,}", last, on_the_way, failing_, given_up, safe_text(why, 120))
            )
        for line in aligned(rows):
            click.echo(line)
    return 1 if any(one.failing for one in found.values()) else 0


@contextmanager
def _metrics(listen: str, notifier: Notifier, broker: Broker) -> Iterator[None]:
    """Answer whoever watches the notifier, if somebody wants to."""
    if not listen:
        yield
        return
    from pipelines.watching.broker_metrics import broker_trouble
    from pipelines.watching.endpoint import watched
    from pipelines.watching.notifier_metrics import NotifierMetrics

    def ready() -> str | None:
        return broker_trouble(broker) or (None if notifier.is_ready else "the notifier has yet to read what there is")

    with watched(listen, NotifierMetrics(notifier, broker), healthy=notifier.heartbeat.trouble, ready=ready):
        yield


def _status_json(name: str, one: ReceiverHistory) -> dict[str, Any]:
    return {
        "receiver": name,
        "delivered": one.delivered,
        "last_delivered": one.last_delivered or None,
        "on_their_way": list(one.on_their_way.values()),
        "given_up": one.given_up,
    }


def _read(file: Path | None, config: Path | None) -> Notifying:
    import os

    from pipelines.notify.notify_file import FILE_NAME, read_notify_file

    folder = config.parent if config is not None else Path()
    return read_notify_file(file if file is not None else folder / FILE_NAME, os.environ)
