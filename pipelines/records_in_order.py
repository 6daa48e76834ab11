"""All partitions of a topic as one sequence, in the order of arrival: for whoever looks on, not for a job."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping

from infra.broker import Broker, TopicPartition
from schemas.record import Record

_RECORDS_A_READ = 500
_BYTES_A_READ = 1 << 20

Places = dict[TopicPartition, int]


def parts_of(broker: Broker, topic: str) -> list[TopicPartition]:
    """Return the topic's partitions; none while the topic does not exist."""
    return [TopicPartition(topic, number) for number in range(broker.topics().get(topic, 0))]


def begin_of(broker: Broker, topic: str) -> Places:
    """Return the first kept offset of each partition."""
    return {part: broker.bounds(part)[0] for part in parts_of(broker, topic)}


def end_of(broker: Broker, topic: str) -> Places:
    """Return an offset of each partition that everything lies before now; in one question."""
    return broker.ends([topic]) if topic in broker.topics() else {}


def place_at(broker: Broker, topic: str, time_us: int) -> Places:
    """Return the first offset of each partition that arrived at this time or later."""
    return {part: broker.offset_at(part, time_us) for part in parts_of(broker, topic)}


def records_in_order(
    broker: Broker, starts: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> Iterator[tuple[TopicPartition, Record]]:
    """Give the records between two places by time of arrival; those of one partition in their own order."""
    streams = [_records(broker, part, start, ends[part]) for part, start in starts.items() if part in ends]
    for _, _, _, part, record in heapq.merge(*streams, key=lambda one: one[:3]):
        yield part, record


def _records(
    broker: Broker, part: TopicPartition, start: int, end: int
) -> Iterator[tuple[int, int, int, TopicPartition, Record]]:
    while start < end:
        records = broker.read(part, start, max_records=_RECORDS_A_READ, max_bytes=_BYTES_A_READ)
        if not records:
            return
        for record in records:
            if record.offset >= end:
                return
            yield record.timestamp_us, part.partition, record.offset, part, record
        start = records[-1].offset + 1
