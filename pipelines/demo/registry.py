"""The demo's devices as rows of the registry, so that incidents know who is whose neighbour."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from pipelines.demo.building import Building
from pipelines.demo.event import rfc3339
from schemas.devices import DEVICES
from schemas.record import Append


def registry(building: Building, valid_from_us: int) -> Iterator[Append]:
    """Return one row for each device of a building."""
    for device in building.devices:
        row = {
            "device_id": device.device_id,
            "valid_from": rfc3339(valid_from_us),
            "site": building.site,
            "room": device.place.removesuffix(" floor"),  # what lies on a room's floor is in the room
            "type": device.type,
            "upstream_device_id": device.upstream,
            "language": "en",
        }
        yield Append(DEVICES.name, device.device_id.encode(), orjson.dumps(row))
