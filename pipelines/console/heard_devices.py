"""Which devices have been heard of: from the keys of what hubbub understood, and from the registry. For one process.

Each look reads on where the last one ended, for a moment at most, so that a page waits for no long history; `behind`
says that there is more. What lies further back than the last MOST_RECORDS of a partition when this began is never read:
a device that has been silent for so long is not known here. No event is decoded, but those of the registry.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from infra.broker import Broker, TopicPartition
from pipelines.records_in_order import end_of
from pipelines.seen_event import see, time_text
from schemas.answers import (
    ALARMS_ENRICHED,
    CUSTOMER_MESSAGES_ENRICHED,
    DEVICE_LOGS_ENRICHED,
    DEVICE_TELEMETRY_ENRICHED,
)
from schemas.devices import DEVICES
from schemas.record import Record

KINDS: Final[Mapping[str, str]] = {
    "log": DEVICE_LOGS_ENRICHED.name,
    "message": CUSTOMER_MESSAGES_ENRICHED.name,
    "alarm": ALARMS_ENRICHED.name,
    "telemetry": DEVICE_TELEMETRY_ENRICHED.name,
}
"""The kinds of events, and the topic of each with hubbub's answers."""
MOST_RECORDS: Final = 50_000
_AT_ONCE: Final = 500
_BYTES: Final = 1 << 20
_TIME: Final = "ce_time"


@dataclass(slots=True)
class Heard:
    """One device: how many events of each kind were read, the time of the last one (RFC 3339), and where it stands."""

    device_id: str
    counts: dict[str, int] = field(default_factory=dict)
    last: str = ""
    place: Mapping[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What a search looks through."""
        named = (self.place.get(name) for name in ("site", "room", "type"))
        return " ".join([self.device_id, *(str(one) for one in named if one)]).casefold()


class HeardDevices:
    """Follows the devices; any thread may look, one at a time reads."""

    def __init__(self, budget_s: float = 0.5, clock: Callable[[], float] = time.monotonic) -> None:
        self._budget_s = budget_s
        self._clock = clock
        self._lock = threading.Lock()
        self._next: dict[TopicPartition, int] = {}
        self._devices: dict[str, Heard] = {}
        self.behind = False

    def look(self, broker: Broker) -> list[Heard]:
        """Return every device that is known by now, in no order."""
        with self._lock:
            until = self._clock() + self._budget_s
            kinds = {topic: kind for kind, topic in KINDS.items()}
            ends = {part: end for topic in (DEVICES.name, *kinds) for part, end in end_of(broker, topic).items()}
            waiting = {part: end for part, end in ends.items() if self._begin(broker, part, end) < end}
            while waiting:
                # One portion of each in turn, so that whatever there was time for is of all kinds.
                for part, end in list(waiting.items()):
                    self._take(kinds.get(part.topic), part, self._portion(broker, part, end))
                    if self._next[part] >= end:
                        del waiting[part]
                if self._clock() > until:
                    break
            self.behind = bool(waiting)
            return list(self._devices.values())

    def find(self, broker: Broker, device_id: str) -> Heard | None:
        """Return one device; None for one that is not known by now."""
        self.look(broker)
        with self._lock:
            return self._devices.get(device_id)

    def _begin(self, broker: Broker, part: TopicPartition, end: int) -> int:
        if part not in self._next:
            everything = part.topic == DEVICES.name
            first = broker.bounds(part)[0] if end else 0  # on Kafka each is a question or two
            self._next[part] = first if everything else max(first, end - MOST_RECORDS)
        return self._next[part]

    def _portion(self, broker: Broker, part: TopicPartition, end: int) -> list[Record]:
        records = broker.read(part, self._next[part], max_records=_AT_ONCE, max_bytes=_BYTES)
        self._next[part] = records[-1].offset + 1 if records else end
        return records

    def _take(self, kind: str | None, part: TopicPartition, records: list[Record]) -> None:
        if kind is not None:
            for record in records:
                self._hear(kind, record)
        else:
            for seen in see((part, record) for record in records):
                if seen.event is not None:
                    self._place(seen.event)

    def _hear(self, kind: str, record: Record) -> None:
        if record.key is None:
            return
        device = self._device(record.key.decode("utf-8", "replace"))
        device.counts[kind] = device.counts.get(kind, 0) + 1
        device.last = max(device.last, _time_of(record))

    def _place(self, event: Mapping[str, Any]) -> None:
        device = self._device(str(event.get("device_id")))
        if str(event.get("valid_from")) >= str(device.place.get("valid_from", "")):
            device.place = event

    def _device(self, device_id: str) -> Heard:
        found = self._devices.get(device_id)
        if found is None:
            found = self._devices[device_id] = Heard(device_id)
        return found


def _time_of(record: Record) -> str:
    """Return when it happened as its header says, else when it arrived."""
    said = next((value for name, value in record.headers if name == _TIME), None)
    return said.decode("ascii", "replace") if said is not None else time_text(record.timestamp_us)
