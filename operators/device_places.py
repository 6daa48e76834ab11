"""Where a device stood when: the lines of the registry about one device, looked up as of an event's time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

import msgspec

MOST_PLACES: Final = 32
"""How many lines of the registry are remembered of one device; the oldest are forgotten first."""


class Place(msgspec.Struct, array_like=True, frozen=True):
    """Where a device stands from a time on (microseconds since 1970)."""

    valid_from: int
    site: str | None
    room: str | None = None
    type: str | None = None
    upstream_device_id: str | None = None
    language: str | None = None


NOWHERE: Final = Place(0, None)


def learn(known: list[Place], place: Place) -> None:
    """Put a line among those of its device, which are in order of time; one of the same time takes its place."""
    at = bisect_right(known, place.valid_from, key=_valid_from)
    if at and known[at - 1].valid_from == place.valid_from:
        known[at - 1] = place  # said again, or corrected
    else:
        known.insert(at, place)
    del known[:-MOST_PLACES]


def place_at(known: Sequence[Place], at_us: int) -> Place:
    """Return where a device stood at a time: NOWHERE before its first line, and where a line ends its place.

    >>> [place_at([Place(10, "lab"), Place(20, None, "b2")], at).site for at in (9, 10, 19, 20)]
    [None, 'lab', 'lab', None]
    """
    index = bisect_right(known, at_us, key=_valid_from)
    place = known[index - 1] if index else NOWHERE
    return place if place.site is not None else NOWHERE


def _valid_from(place: Place) -> int:
    return place.valid_from
