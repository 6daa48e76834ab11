"""How much each receiver is told: so many notifications in a window, then one digest; and no queue without an end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from pipelines.notify.book import Book, Flow
from pipelines.notify.plan import Receiver

MOST_ON_THEIR_WAY: Final = 100
"""Notifications to one receiver that may wait to be delivered; beyond them its groups wait for a digest."""


class Flows:
    """Counts by receiver, and knows which groups wait for a digest."""

    def __init__(self, receivers: Mapping[str, Receiver], book: Book) -> None:
        self._receivers = receivers
        self._book = book
        self._on_their_way: dict[str, int] = defaultdict(int)
        self._held: dict[str, set[str]] = defaultdict(set)

    def restore(self) -> None:
        """Count what is on its way."""
        for notification in self._book.outbox.values():
            self._on_their_way[notification.receiver] += 1

    def is_busy(self, name: str, now_us: int) -> bool:
        """Tell whether a receiver is to be told no more just now."""
        if self._on_their_way[name] >= MOST_ON_THEIR_WAY or self._held.get(name):
            return True
        receiver, flow = self._receivers[name], self._book.flows.get(name)
        if not receiver.rate_limit or flow is None or now_us >= flow.window_us + receiver.rate_window_us:
            return False
        return flow.sent >= receiver.rate_limit

    def count(self, name: str, now_us: int) -> None:
        """Take note that a receiver is told something."""
        self._on_their_way[name] += 1
        receiver = self._receivers[name]
        flow = self._book.flows.get(name)
        if flow is None or now_us >= flow.window_us + receiver.rate_window_us:
            flow = self._book.flows[name] = Flow(now_us)
        flow.sent += 1
        self._book.changed(Flow, name)

    def arrived(self, name: str) -> None:
        """Take note that something is no longer on its way."""
        self._on_their_way[name] -= 1

    def hold(self, name: str, group: str) -> None:
        """Let a group wait for the receiver's next digest."""
        self._held[name].add(group)

    def let_go(self, name: str, group: str) -> None:
        """Forget a group that waits."""
        self._held[name].discard(group)

    def due(self, now_us: int) -> list[str]:
        """Return the receivers whose digest is due."""
        return [name for name in sorted(self._held) if self._may_digest(name) and self._window_end(name) <= now_us]

    def next_us(self) -> int | None:
        """Return when the next digest is due, as far as it hangs on time."""
        return min((self._window_end(name) for name in self._held if self._may_digest(name)), default=None)

    def release(self, name: str) -> list[str]:
        """Return the groups that waited, and let them wait no more."""
        return sorted(self._held.pop(name, ()))

    def _may_digest(self, name: str) -> bool:
        return bool(self._held[name]) and self._on_their_way[name] < MOST_ON_THEIR_WAY

    def _window_end(self, name: str) -> int:
        flow = self._book.flows.get(name)
        return 0 if flow is None else flow.window_us + self._receivers[name].rate_window_us
