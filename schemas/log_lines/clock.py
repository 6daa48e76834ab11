"""What a time stamp leaves out: its zone, and for many devices its year. Nothing here reads the machine's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import Protocol

# In days of a year of 12 equal months; only halves of a year and a month's lateness are told apart with them.
_DAYS_A_MONTH = 31
_HALF_A_YEAR = 6 * _DAYS_A_MONTH


class Clock(Protocol):
    """Settles what a time stamp does not say: `timezone` for its zone, `year_of` for its year."""

    @property
    def timezone(self) -> tzinfo:
        """Give the zone of time stamps that name none."""

    def year_of(self, month: int, day: int) -> int | None:
        """Give the year of a time stamp that has only month and day; None where none is known."""


@dataclass(frozen=True, slots=True)
class LineClock:
    """One zone and one year for every line. `year` None: a line without a year has no event time."""

    timezone: tzinfo
    year: int | None

    def year_of(self, month: int, day: int) -> int | None:
        """Give the year, the same for each day."""
        return self.year


class RollingClock:
    """A `LineClock` that follows the lines of one file in order over the end of a year.

    It remembers the latest day that a line without a year named. A line more than half a year before that day belongs
    to the next year (December, then January). After such a roll-over a line up to a month behind it may be a late one
    of the old year: it gets the old year, and moves nothing. So a year is a function of the lines before it.
    """

    __slots__ = ("_latest", "_start", "timezone", "year")

    def __init__(self, start: LineClock) -> None:
        self.timezone: tzinfo = start.timezone
        self.year = start.year
        self._start = start.year
        self._latest = 0

    def year_of(self, month: int, day: int) -> int | None:
        """Give this line's year, and move on to it when the year has ended."""
        if self.year is None:
            return None
        today = month * _DAYS_A_MONTH + day
        ahead = today - self._latest
        if ahead < -_HALF_A_YEAR:
            self.year += 1
            self._latest = today
        elif ahead > 11 * _DAYS_A_MONTH and self.year != self._start:
            return self.year - 1
        elif ahead > 0:
            self._latest = today
        return self.year
