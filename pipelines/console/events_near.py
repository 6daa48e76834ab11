"""The events of one device around some time, out of a topic that lies in the order of arrival, in bounded work."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from infra.broker import Broker, TopicPartition
from infra.partitioner import partition_of_key
from pipelines.bad_input import BadInput
from pipelines.seen_event import see
from pipelines.since import time_us
from schemas.record import Record

AT_ONCE: Final = 2000
MOST_BYTES: Final = 16 << 20
MOST_S: Final = 0.6
SLACK_US: Final = 120_000_000
"""Events arrive about in the order of their times: so much later the search begins, so much earlier it ends."""
NEAR_ENOUGH: Final = 64


@dataclass(frozen=True, slots=True)
class Found:
    """Events in the order of their times. `whole` is False where that is not all: the earliest are missing."""

    events: list[dict[str, Any]]
    whole: bool = True


def events_near(
    broker: Broker,
    topic: str,
    device_id: str,
    from_us: int,
    until_us: int,
    *,
    most: int = 5000,
    clock: Callable[[], float] = time.monotonic,
) -> Found:
    """Return the device's events of a topic whose event time lies between two times, both included.

    Partitions are other devices', too: for MOST_S seconds they are looked through, from the end of the time backwards.
    """
    partitions = broker.topics().get(topic, 0)
    if not partitions:
        return Found([])
    key = device_id.encode("utf-8", "replace")
    part = TopicPartition(topic, partition_of_key(key, partitions))
    deadline_s = clock() + MOST_S
    first, end = broker.bounds(part)
    end = min(end, place_of(broker, part, until_us + SLACK_US) + NEAR_ENOUGH)
    found: list[tuple[int, dict[str, Any]]] = []
    whole = True
    while end > first:
        begin = max(first, end - AT_ONCE)
        records = _between(broker, part, begin, end)
        for one in see((part, record) for record in records if record.key == key):
            at = event_us(one.event)
            if at is not None and one.event is not None and from_us <= at <= until_us:
                found.append((at, one.event))
        oldest = _time_of(part, records[0]) if records else None
        end = begin
        if oldest is not None and oldest < from_us - SLACK_US:
            break
        if end > first and (len(found) >= most or clock() > deadline_s):
            whole = False
            break
    found.sort(key=lambda one: one[0])
    return Found([event for _, event in found[-most:]], whole and len(found) <= most)


def place_of(broker: Broker, part: TopicPartition, moment_us: int) -> int:
    """Return an offset a little before the first event of this time, by halving; rows out of order blur it."""
    low, high = broker.bounds(part)
    while high - low > NEAR_ENOUGH:
        middle = (low + high) // 2
        records = broker.read(part, middle, max_records=1, max_bytes=1)
        at = _time_of(part, records[0]) if records else None
        # What lies behind a hole is as good as what would lie in it.
        if not records or (at is not None and at >= moment_us):
            high = middle
        else:
            low = middle
    return low


def _between(broker: Broker, part: TopicPartition, begin: int, end: int) -> list[Record]:
    found: list[Record] = []
    while begin < end:
        records = broker.read(part, begin, max_records=end - begin, max_bytes=MOST_BYTES)
        if not records:
            break
        found += [one for one in records if one.offset < end]
        begin = records[-1].offset + 1
    return found


def event_us(event: dict[str, Any] | None) -> int | None:
    """Return an event's time in microseconds since 1970."""
    text = event.get("event_time") if event is not None else None
    try:
        return time_us(text, 0) if isinstance(text, str) else None
    except BadInput:
        return None


def _time_of(part: TopicPartition, record: Record) -> int | None:
    return event_us(next(iter(see([(part, record)]))).event)
