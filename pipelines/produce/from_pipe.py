"""A pipe into a topic: good lines are written soon after they come, bad ones are named and passed over."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from infra.broker import Broker
from pipelines.produce.check import CHUNK_ROWS, Check, append_of
from pipelines.produce.numbered_lines import BYTE_ORDER_MARK, MOST_LINE_BYTES
from pipelines.produce.read_lines import Lines
from pipelines.produce.row import BadRow, Rows
from pipelines.stop_signals import StopSignals

# How long to wait for more lines before those that are here are written.
PATIENCE_S = 0.05


@dataclass(slots=True)
class Piped:
    """What came through the pipe."""

    written: int = 0
    bad: int = 0


def write_pipe(
    descriptor: int,
    broker: Broker,
    topic: str,
    *,
    read: Callable[[Lines], Rows],
    check: Check,
    say: Callable[[BadRow], None],
    stop: StopSignals,
) -> Piped:
    """Write what comes through the pipe until it ends or is stopped; `say` is told of each line that is no row."""
    piped = Piped()
    for lines in waiting_lines(descriptor, stop):
        good, bad = check(read(lines))
        for one in bad:
            say(one)
        if good:
            broker.append([append_of(topic, row, row.event_id) for row in good])
        piped.written += len(good)
        piped.bad += len(bad)
    return piped


def waiting_lines(descriptor: int, stop: StopSignals) -> Iterator[list[tuple[int, bytes]]]:
    """Give the lines that have come, with their numbers, in lists of about CHUNK_ROWS; end when the pipe does.

    When it is stopped, the whole lines that have come are still given.
    """
    rest = b""
    number = 0
    lines: list[tuple[int, bytes]] = []
    while data := _next(descriptor, stop):
        first, *others = data.split(b"\n")
        rest += first
        for following in others:
            number += 1
            lines.append((number, rest.removeprefix(BYTE_ORDER_MARK) if number == 1 else rest))
            rest = following
        # A line without end is cut where no topic would take it anyway; what follows counts to it.
        rest = rest[:MOST_LINE_BYTES]
        if lines and (len(lines) >= CHUNK_ROWS or not select.select([descriptor], [], [], PATIENCE_S)[0]):
            yield lines
            lines = []
    if rest and not stop.requested.is_set():
        lines.append((number + 1, rest))
    if lines:
        yield lines


def _next(descriptor: int, stop: StopSignals) -> bytes:
    if stop.requested.is_set():
        return b""
    try:
        with stop.raising():
            return os.read(descriptor, 1 << 18)
    except KeyboardInterrupt:
        return b""
