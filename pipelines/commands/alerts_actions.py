"""`hubbub alerts ack`, `unack`, `comment`, `wrong` and `right`: what a person does to an alert, as an event."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.commands.options import broker_options, json_option, opened_broker
from pipelines.commands.user_name import user_name

if TYPE_CHECKING:
    from infra.broker import Broker

_BY = click.option("--by", metavar="NAME", help="Who does it (default: the user's name).")
_FINGERPRINT = click.argument("fingerprint")
_DONE = {
    "acknowledge": "acknowledged",
    "unacknowledge": "no longer acknowledged",
    "comment": "commented",
    "wrong": "called wrong",
    "right": "called right",
}


@click.command("ack", epilog="Example: hubbub alerts ack 3f2a9c1b --comment 'on my way'")
@_FINGERPRINT
@click.option("--comment", default="", metavar="TEXT", help="What others should know.")
@_BY
@broker_options
@json_option
def ack(
    *, fingerprint: str, comment: str, by: str | None, broker: str | None, config: Path | None, as_json: bool
) -> None:
    """Acknowledge an alert: somebody takes it over. The alert itself goes on as its events say.

    FINGERPRINT is the ID that `hubbub alerts` shows; it may be cut short where it stays clear which is meant.
    """
    _act("acknowledge", fingerprint, by, comment, broker, config, as_json=as_json)


@click.command("unack", epilog="Example: hubbub alerts unack 3f2a9c1b")
@_FINGERPRINT
@click.option("--comment", default="", metavar="TEXT", help="What others should know.")
@_BY
@broker_options
@json_option
def unack(
    *, fingerprint: str, comment: str, by: str | None, broker: str | None, config: Path | None, as_json: bool
) -> None:
    """Take an acknowledgement back: nobody is at it any more."""
    _act("unacknowledge", fingerprint, by, comment, broker, config, as_json=as_json)


@click.command("comment", epilog="Example: hubbub alerts comment 3f2a9c1b 'the door was open'")
@_FINGERPRINT
@click.argument("text")
@_BY
@broker_options
@json_option
def comment(
    *, fingerprint: str, text: str, by: str | None, broker: str | None, config: Path | None, as_json: bool
) -> None:
    """Say something about an alert, for whoever looks at it."""
    _act("comment", fingerprint, by, text, broker, config, as_json=as_json)


@click.command("wrong", epilog="Example: hubbub alerts wrong 3f2a9c1b --comment defrosting")
@_FINGERPRINT
@click.option("--comment", default="", metavar="TEXT", help="Why, for others and for whoever trains.")
@click.option("--should-be", default="", metavar="LABEL", help="The label that would have been right, like normal.")
@_BY
@broker_options
@json_option
def wrong(
    *,
    fingerprint: str,
    comment: str,
    should_be: str,
    by: str | None,
    broker: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Say that an alert is wrong: it should not have been raised, or not as what it says.

    The alert itself goes on. What is said is kept to learn from: `hubbub alerts feedback`.
    """
    _act("wrong", fingerprint, by, comment, broker, config, as_json=as_json, should_be=should_be)


@click.command("right", epilog="Example: hubbub alerts right 3f2a9c1b --comment 'the compressor was dead'")
@_FINGERPRINT
@click.option("--comment", default="", metavar="TEXT", help="What it was, for others and for whoever trains.")
@_BY
@broker_options
@json_option
def right(
    *, fingerprint: str, comment: str, by: str | None, broker: str | None, config: Path | None, as_json: bool
) -> None:
    """Say that an alert is right: there was what it says. The last verdict on an alert holds."""
    _act("right", fingerprint, by, comment, broker, config, as_json=as_json)


def _act(
    action: str,
    fingerprint: str,
    by: str | None,
    text: str,
    broker: str | None,
    config: Path | None,
    *,
    as_json: bool,
    should_be: str = "",
) -> None:
    import orjson

    from pipelines.alert_actions import write_action
    from schemas.safe_text import safe_text

    now_us = time.time_ns() // 1000
    with opened_broker(broker, config, must_exist=True) as opened:
        alert = _alert_named(opened, fingerprint)
        event = write_action(
            opened,
            alert,
            action,
            by=user_name() if by is None else by,
            text=text,
            now_us=now_us,
            should_be=should_be,
        )
    if as_json:
        click.echo(orjson.dumps(event))
        return
    done = _DONE[action]
    click.echo(f"{str(alert['fingerprint'])[:8]} {done} by {safe_text(event['by'], 60)}: {safe_text(alert['summary'])}")


def _alert_named(broker: Broker, fingerprint: str) -> dict[str, Any]:
    """Return the alert of this fingerprint, which may be cut short; BadInput for none or several."""
    from pipelines.bad_input import BadInput
    from pipelines.latest_records import latest_records
    from schemas.alerts import ALERTS

    found = [
        one.event
        for one in latest_records(broker, ALERTS.name)
        if one.event is not None and fingerprint and str(one.event["fingerprint"]).startswith(fingerprint)
    ]
    if len(found) != 1:
        many = f"that of {len(found)} alerts" if found else "that of none"
        hint = "`hubbub alerts --all` shows them"
        raise BadInput(f"expected the fingerprint of one alert, got {many}: {fingerprint!r}; {hint}")
    return found[0]
