"""`hubbub subscribe`: alerts, or the events of any topic, as they come."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.commands.options import broker_options, json_option, language_option, opened_broker, words_in
from schemas.severity import SEVERITIES

if TYPE_CHECKING:
    from infra.broker import Broker
    from pipelines.records_in_order import Places
    from pipelines.seen_event import SeenEvent
    from pipelines.words.alert_words import AlertWords

LOOK_EVERY_S = 0.2


@click.command(epilog="Example: hubbub subscribe alerts --min-severity major --follow")
@click.argument("topic", default="alerts")
@click.option("--device", multiple=True, metavar="ID", help="Only of this device; may be given several times.")
@click.option("--min-severity", type=click.Choice(SEVERITIES), help="Only what is at least as bad as this.")
@click.option("--since", metavar="TIME", help="Only what arrived since 2026-03-01T08:00:00Z, or 10m, 2h, 1d ago.")
@click.option("--from-beginning", is_flag=True, help="With --follow: first everything that is kept.")
@click.option("--pending", is_flag=True, help="Also alerts that have not fired (yet).")
@click.option("--follow", "-f", is_flag=True, help="Do not end; print what is new as it comes, until Ctrl-C.")
@click.option("--verbose", "-v", is_flag=True, help="Print each alert's evidence under it.")
@language_option
@broker_options
@json_option
def subscribe(
    *,
    topic: str,
    device: tuple[str, ...],
    min_severity: str | None,
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

    from pipelines.records_in_order import begin_of, end_of, place_at
    from pipelines.since import time_us
    from pipelines.stop_signals import StopSignals

    if since is not None and from_beginning:
        raise click.UsageError("expected --since or --from-beginning, got both")
    since_us = None if since is None else time_us(since, time.time_ns() // 1000)
    words = words_in(language, broker, config)
    show = _printer(device, min_severity, pending, verbose, words, as_json)
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
        while True:
            # That it exists need not be asked again and again; one that is gone is told by who reads it.
            ends = opened.ends([topic]) if starts else end_of(opened, topic)
            # A topic that was made meanwhile is new from its beginning on.
            starts = {part: starts.get(part, 0) for part in ends}
            _show(opened, starts, ends, show, stop.requested.is_set)
            sys.stdout.flush()
            starts = ends
            if not follow or stop.requested.is_set():
                return
            opened.wait(LOOK_EVERY_S)


def _show(
    broker: Broker, starts: Places, ends: Places, show: Callable[[SeenEvent], None], stop: Callable[[], bool]
) -> None:
    from pipelines.records_in_order import records_in_order
    from pipelines.seen_event import see

    for seen in see(records_in_order(broker, starts, ends)):
        if stop():
            return
        show(seen)


def _printer(
    devices: tuple[str, ...], least: str | None, pending: bool, verbose: bool, words: AlertWords, as_json: bool
) -> Callable[[SeenEvent], None]:
    from pipelines.commands.colours import paint_for_terminal
    from pipelines.event_lines import evidence_lines, has_fired, is_at_least, line_of

    paint = paint_for_terminal()

    def show(seen: SeenEvent) -> None:
        if (devices or least) and seen.event is None:
            return
        if seen.event is not None:
            if not pending and not has_fired(seen.event):
                return
            if devices and seen.event.get("device_id") not in devices:
                return
            if least and not is_at_least(seen.event, least):
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
