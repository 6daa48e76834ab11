"""The last record of each key of a compacted topic, as a person's command shows it."""

from __future__ import annotations

from infra.broker import Broker
from pipelines.records_in_order import begin_of, end_of, records_in_order
from pipelines.seen_event import SeenEvent, see


def latest_records(broker: Broker, topic: str) -> list[SeenEvent]:
    """Return the last event of each key, without those that were removed; none where there is no such topic."""
    if topic not in broker.topics():
        return []
    latest: dict[bytes | None, SeenEvent] = {}
    # A key lies in one partition, whose order is kept, so the last one seen is the last one.
    for seen in see(records_in_order(broker, begin_of(broker, topic), end_of(broker, topic))):
        latest[seen.record.key] = seen
    return [one for one in latest.values() if one.event is not None]
