"""What was written to a broker in the present folder."""

from __future__ import annotations

import json
from typing import Any

from infra.broker import TopicPartition
from infra.sqlite.broker import SqliteBroker
from schemas.record import Record


def records(topic: str, path: str = "hubbub.db") -> list[Record]:
    """Return the records of a topic, partition by partition."""
    with SqliteBroker(path) as broker:
        return [
            record
            for number in range(broker.topics()[topic])
            for record in broker.read(TopicPartition(topic, number), 0, max_records=100_000, max_bytes=1 << 30)
        ]


def events(topic: str) -> list[dict[str, Any]]:
    """Return the events of a topic in an order of their own."""
    return sorted(
        (json.loads(record.value or b"") for record in records(topic)), key=lambda one: json.dumps(one, sort_keys=True)
    )


def ids(topic: str) -> set[str]:
    """Return the ids of a topic's events."""
    return {dict(record.headers)["ce_hubbubid"].decode() for record in records(topic)}
