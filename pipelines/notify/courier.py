"""Couriers: one thread a receiver, so that one that hangs or fails delays only itself."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final, Literal

from pipelines.notify.book import Notification
from pipelines.notify.receivers import Send, Tried

FIRST_PAUSE_S: Final = 1.0
MOST_PAUSE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try to send a notification."""

    notification: Notification
    state: Literal["delivered", "failed", "given_up"]
    tries: int
    error: str
    at_us: int


class Courier:
    """Sends what it is handed, oldest first, again after pauses that grow; outcomes go into a queue.

    A notification that fails goes behind the others, so one that its receiver cannot take does not hold them up.
    """

    def __init__(
        self, name: str, send: Send, give_up_us: int, outcomes: SimpleQueue[Outcome], clock: Callable[[], int]
    ) -> None:
        self.name = name
        self._send = send
        self._give_up_us = give_up_us
        self._outcomes = outcomes
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: deque[Notification] = deque()
        self._ids: set[str] = set()
        self._tries: dict[str, int] = {}
        self._ended = False
        self._thread = threading.Thread(target=self._work, name=f"notify-{name}", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def take(self, notifications: Iterable[Notification]) -> None:
        """Take notifications to be sent; one that it has already changes nothing."""
        with self._changed:
            for one in notifications:
                if one.id not in self._ids:
                    self._ids.add(one.id)
                    self._waiting.append(one)
            self._changed.notify()

    def drop(self) -> None:
        """Forget what has not been sent: another process is about to send it."""
        with self._changed:
            self._waiting.clear()
            self._ids.clear()
            self._tries.clear()

    def end(self, within_s: float) -> None:
        """Stop; what is being sent at this moment may come to its end for so long."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join(within_s)

    def _work(self) -> None:
        failures = 0
        while (notification := self._next()) is not None:
            tried = self._try(notification)
            if self._settled(notification, tried):
                # What the receiver refuses for good says nothing about whether it is well.
                failures = failures if tried.error else 0
                continue
            failures += 1
            self._rest(max(tried.pause_s, min(MOST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(failures - 1, 10))))

    def _next(self) -> Notification | None:
        with self._changed:
            while not self._waiting and not self._ended:
                self._changed.wait()
            return None if self._ended else self._waiting.popleft()

    def _try(self, notification: Notification) -> Tried:
        self._tries[notification.id] = self._tries.get(notification.id, 0) + 1
        try:
            return self._send(notification, self._clock() / 1e6)
        except Exception as error:  # noqa: BLE001 - a library's mistake is a failed try, and the others go on
            return Tried(f"sending it raised {type(error).__name__}")

    def _settled(self, notification: Notification, tried: Tried) -> bool:
        """Say what came of a try; False when there will be another."""
        now_us = self._clock()
        over = tried.for_good or now_us - notification.decided_us >= self._give_up_us
        tries = self._tries.get(notification.id, 1)
        if not tried.error or over:
            with self._changed:
                self._ids.discard(notification.id)
                self._tries.pop(notification.id, None)
            state: Literal["delivered", "given_up"] = "given_up" if tried.error else "delivered"
            self._outcomes.put(Outcome(notification, state, tries, tried.error, now_us))
            return True
        with self._changed:
            if notification.id in self._ids:
                self._waiting.append(notification)
        self._outcomes.put(Outcome(notification, "failed", tries, tried.error, now_us))
        return False

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        with self._changed:
            while not self._ended and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
