"""The subscriber's side: reads the topic of alerts as it grows, and remembers each alert."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from infra.broker import Broker, TopicPartition
from schemas.alerts import ALERTS
from schemas.json_codec import JsonCodec

_MOST = 500


@dataclass(slots=True, eq=False)
class Alert:
    """One alert as it was heard: the revision with which it first fired, and all events that ever were its evidence."""

    first: dict[str, Any]
    last: dict[str, Any]
    fired_us: int | None
    evidence: set[str] = field(default_factory=set)

    @property
    def opened_us(self) -> int:
        """Event time of its first evidence, as it is known in the end."""
        return int(self.last["opened_at"].timestamp() * 1_000_000)


class Listener:
    """Hears alerts: every call of `news` returns those that began to fire since the last one."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._codec = JsonCodec(ALERTS)
        self._offsets = {
            part: broker.bounds(part)[1]
            for part in (TopicPartition(ALERTS.name, partition) for partition in range(ALERTS.partitions))
        }
        self.alerts: dict[str, Alert] = {}
        """Every alert that was heard of, pending ones too, by its id."""

    def news(self) -> list[Alert]:
        """Read what has come and return the alerts that fire now."""
        fresh = []
        for part in self._offsets:
            while records := self._broker.read(part, self._offsets[part], max_records=_MOST, max_bytes=4 << 20):
                self._offsets[part] = records[-1].offset + 1
                rows = self._codec.decode(part.topic, part.partition, records).batch.to_pylist()
                fresh += [alert for row in rows if (alert := self._hear(row)) is not None]
        return fresh

    def _hear(self, row: dict[str, Any]) -> Alert | None:
        """Take one revision; return its alert when it fires for the first time."""
        alert = self.alerts.setdefault(row["alert_id"], Alert(row, row, None))
        alert.last = row
        alert.evidence.update(one["event_id"] for one in row["evidence"])
        if row["state"] != "firing" or alert.fired_us is not None:
            return None
        alert.first = row
        alert.fired_us = int(row["event_time"].timestamp() * 1_000_000)
        return alert
