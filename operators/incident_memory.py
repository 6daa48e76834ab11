"""What is remembered of a site: where its devices stand, what was seen lately, and its incidents; all of it bounded.

Times are integers, microseconds since 1970, in event time. Severities are their places in schemas.severity.SEVERITIES
(0 is the worst). Structs are stored as arrays: fields may be added at their ends, with defaults, and nowhere else.
"""

from __future__ import annotations

from typing import Final

import msgspec

MOST_PLACES: Final = 4096
MOST_LOOSE: Final = 128
MOST_INCIDENTS: Final = 16
MOST_SIGNALS: Final = 64
MOST_DEVICES: Final = 256
FIRST_SIGHTS, LAST_SIGHTS = 20, 20
MOST_CLOSED: Final = 256


class Place(msgspec.Struct, array_like=True, frozen=True):
    """Where a device stands: its room, its type, what it hangs on, and from when on that holds."""

    valid_from: int
    room: str | None = None
    type: str | None = None
    upstream: str | None = None
    language: str | None = None


class Sight(msgspec.Struct, array_like=True, frozen=True):
    """One event that was seen: an entry of a timeline."""

    event_time: int
    event_id: str
    device_id: str
    kind: str
    alert_id: str
    severity: int
    text: str | None


class Signal(msgspec.Struct, array_like=True):
    """One alert as evidence. `fired` says that it ever was more than pending; `open`, that it lasts."""

    alert_id: str
    device_id: str
    kind: str
    severity: int
    family: str | None
    category: str | None
    opened_at: int
    updated_at: int
    count: int
    fired: bool
    open: bool
    text: str | None = None
    room: str | None = None
    sights: list[Sight] = msgspec.field(default_factory=list)


class Incident(msgspec.Struct, array_like=True):
    """One incident that lasts. `said` is what its last revision said of what makes another one worth writing."""

    incident_id: str
    opened_at: int
    updated_at: int
    signals: dict[str, Signal]
    devices: list[str]
    kinds: list[str]
    first: list[Sight]
    last: list[Sight] = msgspec.field(default_factory=list)
    severity: int = 5
    more_devices: int = 0
    more_alerts: int = 0
    more_events: int = 0
    started_at: int = 0
    revision: int = 0
    said: tuple[int, int, int, int, str, int] | None = None
    # When it was last heard of: its quiet time counts from here.
    heard_at: int = 0


class Memory(msgspec.Struct, array_like=True):
    """All that is remembered of a site but the places. `closed`: alerts of ended incidents, which open nothing."""

    loose: dict[str, Signal] = msgspec.field(default_factory=dict)
    incidents: list[Incident] = msgspec.field(default_factory=list)
    closed: dict[str, int] = msgspec.field(default_factory=dict)
    languages: dict[str, int] = msgspec.field(default_factory=dict)
    latest: int = 0


_encode: Final = msgspec.msgpack.Encoder().encode
_decode_memory: Final = msgspec.msgpack.Decoder(Memory).decode
_decode_places: Final = msgspec.msgpack.Decoder(dict[str, list[Place]]).decode


def encode(value: Memory | dict[str, list[Place]]) -> bytes:
    """Return what is remembered as it is stored; equal memories give equal bytes."""
    return _encode(value)


def decode_memory(stored: bytes | None) -> Memory:
    """Return a site's memory; an empty one for a site without."""
    return Memory() if stored is None else _decode_memory(stored)


def decode_places(stored: bytes | None) -> dict[str, list[Place]]:
    """Return a site's devices and their places in order of time."""
    return {} if stored is None else _decode_places(stored)
