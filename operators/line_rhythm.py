"""The rhythm of one kind of log line: how far apart its lines are, whether that is regular, when it is overdue."""

from __future__ import annotations

from typing import Final

import msgspec

SECOND_US: Final = 1_000_000
# Gaps until a rhythm is known, and how many of the latest count.
FEWEST_GAPS: Final = 12
REMEMBERED_GAPS: Final = 32
SHORTEST_PATIENCE_US: Final = 300 * SECOND_US
LONGEST_PATIENCE_US: Final = 21 * 86_400 * SECOND_US
LONGEST_GAP_US: Final = 7 * 86_400 * SECOND_US

Place = tuple[str | None, str | None, int | None, int | None]


class Rhythm(msgspec.Struct, array_like=True):
    """One kind of line of one device. `mean` and `spread` (mean distance from it) of its gaps, in microseconds.

    `last` is the time of its last line, `event` what that was: event id, topic, partition, offset.
    """

    id: str
    template: str | None
    last: int
    event: Place | None = None
    gaps: int = 0
    mean: float = 0.0
    spread: float = 0.0
    silent: bool = False

    @property
    def is_regular(self) -> bool:
        """Whether its gaps are known, and differ from their mean by less than half of it."""
        return self.gaps >= FEWEST_GAPS and self.mean <= LONGEST_GAP_US and 2.0 * self.spread <= self.mean

    @property
    def overdue_at(self) -> int | None:
        """Event time from which its silence is told; None where there is nothing to tell."""
        if self.silent or not self.is_regular:
            return None
        patience = max(3.0 * self.mean, self.mean + 6.0 * self.spread)
        return self.last + min(max(int(patience), SHORTEST_PATIENCE_US), LONGEST_PATIENCE_US)

    def hear(self, time: int, event: Place | None = None) -> bool:
        """Take a line in; return whether it ends a silence that was told. A late line says nothing of the rhythm."""
        if time <= self.last:
            return False
        gap, self.last, self.event = float(time - self.last), time, event
        if self.silent:
            # How long it was away is no part of how often it comes.
            self.silent = False
            return True
        self.gaps += 1
        weight = min(self.gaps, REMEMBERED_GAPS)
        error = gap - self.mean if self.gaps > 1 else 0.0
        self.mean = self.mean + error / weight if self.gaps > 1 else gap
        self.spread += (abs(error) - self.spread) / weight
        return False
