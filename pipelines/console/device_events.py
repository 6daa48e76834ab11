"""The last events of one device with hubbub's answers, read backwards from the end of its own partition."""

from __future__ import annotations

from typing import Any, Final

from infra.broker import Broker, TopicPartition
from infra.partitioner import partition_of_key
from pipelines.seen_event import see
from schemas.record import Record

MOST_SCANNED: Final = 50_000
"""So many records of the partition are looked through; they are other devices' too."""
_AT_ONCE: Final = 2_000
_BYTES: Final = 16 << 20


def last_events(broker: Broker, topic: str, device_id: str, most: int) -> list[dict[str, Any]]:
    """Return the last events of a device in a topic keyed by device, the newest first; none without the topic."""
    partitions = broker.topics().get(topic, 0)
    if not partitions:
        return []
    key = device_id.encode("utf-8", "replace")
    part = TopicPartition(topic, partition_of_key(key, partitions))
    records = _last_of_key(broker, part, key, most)
    events = [one.event for one in see((part, record) for record in records) if one.event is not None]
    return sorted(events, key=lambda event: str(event.get("event_time")), reverse=True)


def _last_of_key(broker: Broker, part: TopicPartition, key: bytes, most: int) -> list[Record]:
    first, end = broker.bounds(part)
    first = max(first, end - MOST_SCANNED)
    found: list[Record] = []
    while end > first and len(found) < most:
        begin = max(first, end - _AT_ONCE)
        found = [one for one in _between(broker, part, begin, end) if one.key == key] + found
        end = begin
    return found[-most:]


def _between(broker: Broker, part: TopicPartition, begin: int, end: int) -> list[Record]:
    found: list[Record] = []
    while begin < end:
        records = broker.read(part, begin, max_records=_AT_ONCE, max_bytes=_BYTES)
        if not records:
            break
        found += [one for one in records if one.offset < end]
        begin = records[-1].offset + 1
    return found
