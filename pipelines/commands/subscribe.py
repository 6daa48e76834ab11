"""`hubbub subscribe`: alerts, or the events of any topic, as they come."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.commands.following import as_they_come, choice_options
from pipelines.commands.options import broker_options, json_option, language_option, opened_broker, words_in

if TYPE_CHECKING:
    from infra.broker import Broker
    from pipelines.device_registry import DeviceRegistry
    from pipelines.event_choice import EventChoice
    from pipelines.seen_event import SeenEvent
    from pipelines.words.alert_words import AlertWords


@click.command(epilog="Example: hubbub subscribe alerts --matcher site=lab --follow")
@click.argument("topic", default="alerts")
@choice_options
@click.option("--from-beginning", is_flag=True, help="With --follow: first everything that is kept.")
@click.option("--pending", is_flag=True, help="Also alerts that have not fired (yet).")
@click.option("--verbose", "-v", is_flag=True, help="Print each alert's evidence under it.")
@language_option
@broker_options
@json_option
def subscribe(
    *,
    topic: str,
    devices: tuple[str, ...],
    min_severity: str | None,
    matchers: tuple[str, ...],
    since: str | None,
    from_beginning: bool,
    pending: bool,
    follow: bool,
    verbose: bool,
    language: str | None,
    broker: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Print the events of TOPIC (default: alerts), one line each, in the order of their arrival.

    Without --follow: everything that is kept, or that came --since. With --json each line is the event with its
    event_id; `hubbub produce` takes such lines, and the events keep their ids.
    """
    import time

    from pipelines.device_registry import DeviceRegistry
    from pipelines.event_choice import choice_of
    from pipelines.records_in_order import begin_of, end_of, place_at
    from pipelines.since import time_us
    from pipelines.stop_signals import StopSignals
    from schemas.devices import DEVICES

    if since is not None and from_beginning:
        raise click.UsageError("expected --since or --from-beginning, got both")
    since_us = None if since is None else time_us(since, time.time_ns() // 1000)
    choice, registry = choice_of(topic, devices, min_severity, matchers), DeviceRegistry()
    words = words_in(language, broker, config)
    show = _printer(choice, registry, pending, verbose, words, as_json)
    # Only who follows has an end of its own; a listing that is interrupted is not whole, and its status says so.
    stop = StopSignals()
    with opened_broker(broker, config, must_exist=not follow) as opened, stop if follow else nullcontext():
        _check_topic(opened, topic)
        if since_us is not None:
            starts = place_at(opened, topic, since_us)
        elif follow and not from_beginning:
            starts = end_of(opened, topic)
        else:
            starts = begin_of(opened, topic)
        # Where devices stand is known before what happened to them.
        places = {DEVICES.name: begin_of(opened, DEVICES.name)} if choice.matchers else {}
        for seen in as_they_come(opened, {**places, topic: starts}, follow=follow, stop=stop.requested.is_set):
            if seen.part.topic == topic:
                show(seen)
            else:
                registry.take(seen)


def _printer(
    choice: EventChoice,
    registry: DeviceRegistry,
    pending: bool,
    verbose: bool,
    words: AlertWords,
    as_json: bool,
) -> Callable[[SeenEvent], None]:
    from pipelines.commands.colours import paint_for_terminal
    from pipelines.event_lines import evidence_lines, has_fired, line_of

    paint = paint_for_terminal()

    def show(seen: SeenEvent) -> None:
        if seen.event is None:
            if not choice.takes_everything:
                return
        elif not (pending or has_fired(seen.event)) or not choice.takes(seen.event, registry):
            return
        if as_json:
            sys.stdout.buffer.write(seen.to_json() + b"\n")
            return
        click.echo(line_of(seen, paint, words))
        if verbose and seen.event is not None:
            for line in evidence_lines(seen.event, words):
                click.echo(line)

    return show


def _check_topic(broker: Broker, topic: str) -> None:
    from pipelines.bad_input import BadInput
    from schemas.catalog import TOPICS

    known = dict.fromkeys([*TOPICS, *broker.topics()])
    if topic not in known:
        raise BadInput(f"expected one of the topics {', '.join(known)}, got {topic!r}")
