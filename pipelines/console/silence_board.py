"""The silences as they stand, kept current by a follower of their topic."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.records_in_order import Places
from pipelines.seen_event import SeenEvent
from pipelines.silences import Silence, latest_silences


class SilenceBoard:
    """What is known of silences. Any thread may ask: what is known is replaced, never changed."""

    def __init__(self) -> None:
        self._known: Mapping[str, Silence] = {}

    def all(self) -> list[Silence]:
        """Return all of them, by their start."""
        return sorted(self._known.values(), key=lambda one: (one.starts_us, one.id))

    def active(self, now_us: int) -> list[Silence]:
        """Return those that hold now."""
        return [one for one in self.all() if one.state(now_us) == "active"]

    def go_on(self, places: Places) -> None:
        """Where reading goes on is the follower's business."""

    def take(self, seen: SeenEvent) -> None:
        """Take one record."""
        self._known = latest_silences(self._known, [seen])
