"""Options and the loop of commands that show events as they come."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from schemas.severity import SEVERITIES

if TYPE_CHECKING:
    from infra.broker import Broker
    from pipelines.records_in_order import Places
    from pipelines.seen_event import SeenEvent

Command = TypeVar("Command", bound=Callable[..., Any])
LOOK_EVERY_S = 0.2


def choice_options(command: Command) -> Command:
    """Add --device, --min-severity, --matcher, --since and --follow."""
    command = click.option("--follow", "-f", is_flag=True, help="Go on with what is new, until Ctrl-C.")(command)
    command = click.option(
        "--since", metavar="TIME", help="Only what arrived since 2026-03-01T08:00:00Z, or 10m, 2h, 1d ago."
    )(command)
    command = click.option(
        "--matcher",
        "matchers",
        multiple=True,
        metavar="LABEL=VALUE",
        help="Only with this label (site, type); !=, =~, !~, too.",
    )(command)
    command = click.option(
        "--min-severity", type=click.Choice(SEVERITIES), help="Only what is at least as bad as this."
    )(command)
    return click.option(
        "--device", "devices", multiple=True, metavar="ID", help="Only of this device; may be repeated."
    )(command)


def as_they_come(
    broker: Broker, starts: Mapping[str, Places], *, follow: bool, stop: Callable[[], bool]
) -> Iterator[SeenEvent]:
    """Give the records of topics from these places to their ends, and with `follow` what comes after, until `stop`.

    In each round all of a topic comes before anything of the next; those of one topic by their arrival.
    """
    from pipelines.records_in_order import end_of, records_in_order
    from pipelines.seen_event import see

    at = dict(starts)
    while True:
        for topic, known in at.items():
            # That it exists need not be asked again and again; one that is gone is told by who reads it.
            ends = broker.ends([topic]) if known else end_of(broker, topic)
            # A topic that was made meanwhile is new from its beginning on.
            places = {part: known.get(part, 0) for part in ends}
            for seen in see(records_in_order(broker, places, ends)):
                if stop():
                    return
                yield seen
            at[topic] = ends
        sys.stdout.flush()
        if not follow or stop():
            return
        broker.wait(LOOK_EVERY_S)
