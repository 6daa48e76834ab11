"""One thread that follows topics from their beginning on, and tells whoever listens that something has changed."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import Final, Protocol

from infra.broker import Broker, BrokerUnavailable
from pipelines.heartbeat import Heartbeat
from pipelines.records_in_order import Places, begin_of, end_of, records_in_order
from pipelines.seen_event import SeenEvent, see

log = logging.getLogger(__name__)
AWAY_S: Final = 2.0


class Follows(Protocol):
    """What keeps a topic's records, or what it makes of them."""

    def go_on(self, places: Places) -> None:
        """Hear where reading goes on, before the records from there and once more behind the last of them."""
        ...

    def take(self, seen: SeenEvent) -> None:
        """Take one record; those of a partition come in their order."""
        ...


class Follower:
    """Follows from `start` on, each topic in turn; `opened` is a broker of its own."""

    def __init__(self, opened: Broker, poll_s: float, follows: Mapping[str, Follows]) -> None:
        self._broker = opened
        self._poll_s = poll_s
        self._follows = follows
        self._places: dict[str, Places] = {topic: {} for topic in follows}
        self._lock = threading.Lock()
        self._moved = threading.Condition(self._lock)
        self._changes: Counter[str] = Counter()
        self._listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._stop = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._follow, name="follower", daemon=True)
        self.caught_up = threading.Event()
        self.heartbeat = Heartbeat("the follower")
        self.is_away = False  # whether the broker did not answer last
        self._current_s = time.monotonic()

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Follow no more; raises what ended it before its time."""
        self._stop.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def is_well(self) -> bool:
        """Tell whether it follows: what it keeps would be old otherwise."""
        return self._error is None

    def age_s(self) -> float:
        """Return how long ago it knew all that lay in the topics; before the first time, since when it is there."""
        return time.monotonic() - self._current_s

    def changes(self) -> Counter[str]:
        """Return how often each topic was found to have grown."""
        with self._lock:
            return self._changes.copy()

    def listen(self, loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
        """Have an event set whenever something changes."""
        with self._lock:
            self._listeners.add((loop, event))

    def leave(self, loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
        """Listen no more."""
        with self._lock:
            self._listeners.discard((loop, event))

    def reached(self, topic: str, ends: Places, timeout_s: float) -> bool:
        """Wait until a followed topic was read up to there; False when it takes longer, or nobody follows it."""

        def there() -> bool:
            places = self._places.get(topic, {})
            return all(places.get(part, 0) >= end for part, end in ends.items())

        with self._moved:
            return self._moved.wait_for(there, timeout_s)

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def _follow(self) -> None:
        while not self._stop.is_set():
            self.heartbeat.beat()
            asked_s = time.monotonic()
            try:
                for topic, follows in self._follows.items():
                    self._read(topic, follows)
                if not self._stop.is_set():
                    self._current_s, self.is_away = asked_s, False
                    self.caught_up.set()
                self._broker.wait(self._poll_s)
            except BrokerUnavailable as away:
                self.is_away = True
                log.warning("the follower waits: %s", away)
                self._stop.wait(AWAY_S)
            except Exception as error:  # noqa: BLE001 - stop() raises it, where somebody hears it
                self._error = error
                return

    def _read(self, topic: str, follows: Follows) -> None:
        known, ends = self._places[topic], end_of(self._broker, topic)
        if ends == known:
            return
        firsts = begin_of(self._broker, topic)
        places = {part: max(firsts.get(part, 0), known.get(part, 0)) for part in ends}
        follows.go_on(places)
        # Where an outage interrupts, reading goes on behind the last record that was taken.
        self._places[topic] = places
        for seen in see(records_in_order(self._broker, dict(places), ends)):
            if self._stop.is_set():
                return
            follows.take(seen)
            self.heartbeat.beat()
            places[seen.part] = seen.record.offset + 1
        follows.go_on(ends)
        self._wake(topic, ends)

    def _wake(self, topic: str, ends: Places) -> None:
        with self._moved:
            self._places[topic] = ends
            self._changes[topic] += 1
            self._moved.notify_all()
            listeners = list(self._listeners)
        for loop, event in listeners:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)
