"""The last record of each key of a compacted topic, as a person's command shows it."""

from __future__ import annotations

from infra.broker import Broker
from pipelines.records_in_order import Places, begin_of, end_of, records_in_order
from pipelines.seen_event import SeenEvent, see


def latest_records(broker: Broker, topic: str, ends: Places | None = None) -> list[SeenEvent]:
    """Return the last event of each key, or the last before `ends`, without those that were removed.

    None where there is no such topic.
    """
    if topic not in broker.topics():
        return []
    latest: dict[bytes | None, SeenEvent] = {}
    # A key lies in one partition, whose order is kept, so the last one seen is the last one.
    until = end_of(broker, topic) if ends is None else ends
    for seen in see(records_in_order(broker, begin_of(broker, topic), until)):
        latest[seen.record.key] = seen
    return [one for one in latest.values() if one.event is not None]
