"""How new a line is to its device, and in which way: never seen, rare, a burst, or back after a silence."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import msgspec

MINUTE_US: Final = 60_000_000
HOUR_US: Final = 60 * MINUTE_US
WARM_UP_LINES: Final = 20
WARM_UP_MINUTES: Final = 60
# From here on a line's novelty has a kind.
NOTABLE: Final = 0.3
NEW, RARE, BURST, SILENCE = "new", "rare", "burst", "silence"


class Seen(msgspec.Struct, array_like=True):
    """When a template was seen. Times in microseconds of event time; `minute` is the latest in which it was."""

    count: int
    first: int
    last: int
    minute: int
    in_minute: int  # lines of that minute so far

    def add(self, time: int) -> None:
        """Count a line; one that is late counts in no minute."""
        minute = time // MINUTE_US
        if minute > self.minute or not self.count:
            self.minute, self.in_minute = minute, 0
        if minute == self.minute:
            self.in_minute += 1
        self.count += 1
        self.first, self.last = min(self.first, time), max(self.last, time)

    def take(self, other: Seen) -> None:
        """Count another template's lines as one's own."""
        self.count += other.count
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        if other.minute == self.minute:
            self.in_minute += other.in_minute
        elif other.minute > self.minute:
            self.minute, self.in_minute = other.minute, other.in_minute


class Novelty(NamedTuple):
    """`score` in [0, 1]; `kind` is null below `NOTABLE`."""

    score: float
    kind: str | None


def novelty_of(seen: Seen, time: int, lines: int, since: int) -> Novelty:
    """Judge the next line of a template, of a device with so many lines since that time: see MineTemplates."""
    known = min(lines / WARM_UP_LINES, 1.0)
    count = seen.count
    if not count:
        return Novelty(known, NEW if known >= NOTABLE else None)
    rare = 1.0 / (1.0 + count * (1.0 + 100.0 * count / lines))
    age = max(time - seen.last, 0) / HOUR_US
    usual = max((seen.last - seen.first) / HOUR_US / count, 1.0)
    silence = age / (age + 24.0 * usual)
    burst = _burst(seen, time, since)
    score = known * (1.0 - (1.0 - rare) * (1.0 - silence) * (1.0 - burst))
    if score < NOTABLE:
        return Novelty(score, None)
    return Novelty(score, max((rare, RARE), (silence, SILENCE), (burst, BURST))[1])


def _burst(seen: Seen, time: int, since: int) -> float:
    """Return how far the lines of this minute go beyond what the minutes before it let expect, in [0, 1)."""
    minute = time // MINUTE_US
    if minute != seen.minute:
        return 0.0
    minutes = max(minute - since // MINUTE_US, 0)
    expected = (seen.count - seen.in_minute + 1) / (minutes + 1)
    most = expected + 4.0 * math.sqrt(expected) + 4.0
    lines = seen.in_minute + 1
    return max(1.0 - most / lines, 0.0) * min(minutes / WARM_UP_MINUTES, 1.0)
