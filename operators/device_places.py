"""Where a device stood when: the lines of the registry about one device, looked up as of an event's time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, Protocol, TypeVar

import msgspec

MOST_PLACES: Final = 32
"""How many lines of the registry are remembered of one device; the oldest are forgotten first."""


class Dated(Protocol):
    """A line of the registry, whatever is kept of it."""

    @property
    def valid_from(self) -> int:
        """From when on it holds, microseconds since 1970."""
        ...


Line = TypeVar("Line", bound=Dated)


class Place(msgspec.Struct, array_like=True, frozen=True):
    """Where a device stands from a time on (microseconds since 1970)."""

    valid_from: int
    site: str | None
    room: str | None = None
    type: str | None = None
    upstream_device_id: str | None = None
    language: str | None = None


NOWHERE: Final = Place(0, None)


def learn(known: list[Line], place: Line, most: int = MOST_PLACES) -> None:
    """Put a line among those of its device, which are in order of time; one of the same time takes its place.

    Of more than `most` the oldest are forgotten.
    """
    at = bisect_right(known, place.valid_from, key=_valid_from)
    if at and known[at - 1].valid_from == place.valid_from:
        known[at - 1] = place  # said again, or corrected
    else:
        known.insert(at, place)
    del known[:-most]


def place_at(known: Sequence[Place], at_us: int) -> Place:
    """Return where a device stood at a time: NOWHERE before its first line, and where a line ends its place.

    >>> [place_at([Place(10, "lab"), Place(20, None, "b2")], at).site for at in (9, 10, 19, 20)]
    [None, 'lab', 'lab', None]
    """
    place = line_at(known, at_us)
    return NOWHERE if place is None or place.site is None else place


def line_at(known: Sequence[Line], at_us: int) -> Line | None:
    """Return the line that holds at a time; None before the first."""
    index = bisect_right(known, at_us, key=_valid_from)
    return known[index - 1] if index else None


def _valid_from(place: Dated) -> int:
    return place.valid_from
