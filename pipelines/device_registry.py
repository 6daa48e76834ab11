"""The device registry as those who look on and those who tell know it: labels of a device as of an event's time.

Alerts say which device they are about, not where it stands; silences, routes, groups and inhibition ask for that. What
they are told here is what the pipeline `sites` tells incidents, by the same lines (`operators/device_places.py`).
Everything is read from the topic `devices`, once, and followed.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection
from typing import Final

from infra.broker import Broker
from operators.device_places import NOWHERE, Place, learn, place_at
from pipelines.bad_input import BadInput
from pipelines.records_in_order import Places, begin_of, end_of, records_in_order
from pipelines.seen_event import SeenEvent, see
from pipelines.since import time_us
from schemas.devices import DEVICES

log = logging.getLogger(__name__)
LABELS: Final = {"site": "site", "room": "room", "type": "type", "upstream": "upstream_device_id"}
"""The labels that a device's place gives, and the columns of the registry that they come from."""
MOST_DEVICES: Final = 1_000_000
MOST_TEXT: Final = 256


class DeviceRegistry:
    """Lines of the registry, a few of each device. One thread takes, any thread may ask."""

    def __init__(self) -> None:
        # What is known of a device is replaced, never changed, so nobody who asks sees half of it.
        self._places: dict[str, tuple[Place, ...]] = {}
        self._changed: set[str] = set()
        self._is_full = False

    def __len__(self) -> int:
        """How many devices are known."""
        return len(self._places)

    def labels(self, device_id: str, at_us: int) -> dict[str, str]:
        """Return the labels of a device's place at a time (microseconds since 1970); none where it has no place."""
        place = place_at(self._places.get(device_id, ()), at_us)
        if place is NOWHERE:
            return {}
        found = ((label, getattr(place, column)) for label, column in LABELS.items())
        return {label: text for label, text in found if text}

    def take(self, seen: SeenEvent) -> None:
        """Take one record of the topic; what is no line of a registry is left out."""
        if seen.event is None:
            return
        try:
            valid_from = time_us(str(seen.event.get("valid_from")), 0)
        except BadInput:
            return
        device_id = str(seen.event.get("device_id"))
        known = [*self._places.get(device_id, ())]
        if not known and len(self._places) >= MOST_DEVICES:
            self._say_full()
            return
        learn(known, Place(valid_from, **{column: _text(seen.event.get(column)) for column in LABELS.values()}))
        self._places[device_id] = tuple(known)
        self._changed.add(device_id)

    def changed(self) -> set[str]:
        """Return the devices that something was learnt of since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def _say_full(self) -> None:
        if not self._is_full:
            self._is_full = True
            log.warning("%s names more than %d devices; where others stand is not known", DEVICES.name, MOST_DEVICES)


def registry_of(broker: Broker, devices: Collection[str]) -> DeviceRegistry:
    """Read what the registry says of these devices; of the others no record is decoded."""
    keys = {None, *(one.encode() for one in devices)}
    return _read(broker, end_of(broker, DEVICES.name), keys) if devices else DeviceRegistry()


def registry_before(broker: Broker, ends: Places) -> DeviceRegistry:
    """Read all that the registry says before these places, for whoever follows it from there."""
    return _read(broker, ends, None)


def _read(broker: Broker, ends: Places, keys: Collection[bytes | None] | None) -> DeviceRegistry:
    registry = DeviceRegistry()
    records = records_in_order(broker, begin_of(broker, DEVICES.name), ends)
    for seen in see(one for one in records if keys is None or one[1].key in keys):
        registry.take(seen)
    return registry


def _text(value: object) -> str | None:
    """Return a text once for all devices that have it: a site's name stands in many lines."""
    return sys.intern(value[:MOST_TEXT]) if isinstance(value, str) else None
