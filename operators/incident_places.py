"""Who is whose neighbour in a site: what hangs on what, and who shares a room."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from operators.device_places import learn, line_at
from operators.incident_memory import MOST_PLACES, Place, Signal

# A trouble of these kinds spreads along what hangs on what; any other stays with a device and its room.
SPREADING: Final = ("network", "power")
MOST_HOPS: Final = 8
MOST_VERSIONS: Final = 4

_FAMILIES: Final = {
    "connectivity": "network",
    "power_battery": "power",
    "safety_hazard": "safety",
    "privacy_security": "security",
    "normal": None,
    "other": None,
    "device_fault": None,
    "service_request": None,
    "feedback": None,
}


def family_of(category: str | None) -> str | None:
    """Return what a log's category and a message's topic have in common; None where it says nothing.

    >>> family_of("connectivity"), family_of("network"), family_of("other")
    ('network', 'network', None)
    """
    return None if category is None else _FAMILIES.get(category, category)


class Neighbours:
    """The places of one site's devices."""

    def __init__(self, places: dict[str, list[Place]]) -> None:
        self.places = places
        self.changed = False

    def learn(self, device_id: str, place: Place) -> None:
        """Take a line of the registry; of the devices beyond the bound nothing is known."""
        known = self.places.get(device_id)
        if known is None:
            if len(self.places) >= MOST_PLACES:
                return
            known = self.places[device_id] = []
        learn(known, place, MOST_VERSIONS)
        self.changed = True

    def place(self, device_id: str, at_us: int) -> Place | None:
        """Return where a device stands at a time."""
        return line_at(self.places.get(device_id, ()), at_us)

    def ancestors(self, device_id: str, at_us: int) -> list[str]:
        """Return what a device hangs on, the nearest first; a ring ends where it closes."""
        found: list[str] = []
        current = device_id
        while len(found) < MOST_HOPS:
            place = self.place(current, at_us)
            if place is None or place.upstream is None or place.upstream in (device_id, *found):
                break
            current = place.upstream
            found.append(current)
        return found

    def share_upstream(self, one: Signal, other: Signal) -> bool:
        """Whether two devices hang on one, near or far."""
        at_us = max(one.updated_at, other.updated_at)
        return bool({*self.ancestors(one.device_id, at_us)} & {*self.ancestors(other.device_id, at_us)})

    def holds_any(self, device_id: str, others: Iterable[str], at_us: int) -> bool:
        """Whether one of the others hangs on a device, near or far."""
        return any(device_id in self.ancestors(other, at_us) for other in others)

    def are_close(self, one: Signal, other: Signal) -> bool:
        """Whether two signals are of one device or of one room."""
        return one.device_id == other.device_id or (one.room is not None and one.room == other.room)

    def are_related(self, one: Signal, other: Signal) -> bool:
        """Whether two signals may come of one cause, by where their devices stand and what trouble they tell of."""
        if self.are_close(one, other):
            return True
        spreading = {one.family, other.family} - {None}
        if len(spreading) != 1 or not spreading <= set(SPREADING):
            return False
        at_us = max(one.updated_at, other.updated_at)
        above, others_above = self.ancestors(one.device_id, at_us), self.ancestors(other.device_id, at_us)
        if other.device_id in above or one.device_id in others_above:
            # A reading tells no kind of trouble; upstream of one that does, it is its sign.
            upper = other if other.device_id in above else one
            return one.family == other.family or upper.kind == "telemetry"
        return False
