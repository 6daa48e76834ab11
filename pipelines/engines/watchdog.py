"""Says aloud when work stands still: a stream that has something to read and does not move, or a step that never ends.

Nothing else would: the process lives, its place in the group is kept, and the partition just grows.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

STILL_S = 60.0
LOOK_EVERY_S = 5.0


@dataclass(slots=True)
class Pulse:
    """When one pipeline's loop began what it is at, and since when streams that have something to read do not move.

    Written by the loop's thread, read by the watchdog's. Times are of `time.monotonic`, seconds.
    """

    name: str
    busy_with: str = ""
    busy_since: float | None = None
    still_since: dict[str, float] = field(default_factory=dict)

    def begin(self, stream: str) -> None:
        """A step on a stream begins."""
        self.busy_with, self.busy_since = stream, time.monotonic()

    def end(self, stream: str, *, moved: bool, at_end: bool) -> None:
        """It has ended, having moved the stream or not; `at_end` says that there was nothing to do."""
        self.busy_since = None
        if moved or at_end:
            self.still_since.pop(stream, None)
        else:
            self.still_since.setdefault(stream, time.monotonic())

    def rest(self) -> None:
        """Nothing can be done for now, and everybody knows it."""
        self.busy_since = None
        self.still_since.clear()

    def forget(self, owned: frozenset[str]) -> None:
        """Streams that are others' now are others' to watch."""
        for stream in [stream for stream in self.still_since if stream not in owned]:
            del self.still_since[stream]

    def complaints(self, now: float, still_s: float) -> Mapping[str, str]:
        """Return what stands still for longer than `still_s`, as a sentence for each stream."""
        found = {}
        for stream, since in list(self.still_since.items()):
            if now - since > still_s:
                found[stream] = f"{self.name}: {stream} has something to read and has not moved for {now - since:.0f} s"
        busy_since = self.busy_since
        if busy_since is not None and now - busy_since > still_s:
            found[self.busy_with] = (
                f"{self.name}: one step on {self.busy_with} has taken {now - busy_since:.0f} s so far"
            )
        return found


class Watchdog:
    """Looks at pulses now and then, in a thread of its own, and logs each complaint once, and its end."""

    def __init__(
        self, pulses: list[Pulse], *, still_s: float = STILL_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pulses = pulses
        self._still_s = still_s
        self._clock = clock
        self._said: set[tuple[str, str]] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def look(self) -> None:
        """Compare with the last look, and log what has begun or ended to stand still."""
        found = {
            (pulse.name, stream): sentence
            for pulse in self._pulses
            for stream, sentence in pulse.complaints(self._clock(), self._still_s).items()
        }
        for one in sorted(found.keys() - self._said):
            log.warning("%s", found[one])
        for name, stream in sorted(self._said - found.keys()):
            log.warning("%s: %s moves again", name, stream)
        self._said = set(found)

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            self.look()
