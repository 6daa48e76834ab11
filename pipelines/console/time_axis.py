"""A time axis of a drawing: where a moment lies, and where its marks stand. Places are percentages of the width."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

STEPS_S: Final = (
    1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 2 * 86_400, 7 * 86_400,
)  # fmt: skip
MOST_TICKS: Final = 9
LEAST_SPAN_US: Final = 60_000_000


@dataclass(frozen=True, slots=True)
class Tick:
    """One mark of the axis. A `minor` one is left out where there is little room."""

    x: str
    text: str
    minor: bool
    anchor: str


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """From one moment to another, microseconds since 1970."""

    from_us: int
    until_us: int

    def share(self, moment_us: int) -> float:
        """Return where a moment lies, in percent of the drawing's width."""
        span = max(self.until_us - self.from_us, 1)
        inside = min(max(moment_us, self.from_us), self.until_us)
        return 100 * (inside - self.from_us) / span

    @property
    def span_s(self) -> tuple[float, float]:
        """Where it begins and ends, in seconds since 1970."""
        return self.from_us / 1e6, self.until_us / 1e6

    def x(self, moment_us: int) -> str:
        """Return the same as SVG wants it."""
        return f"{self.share(moment_us):.2f}%"

    def ticks(self) -> list[Tick]:
        """Return at most MOST_TICKS marks on round times, UTC."""
        span_s = (self.until_us - self.from_us) / 1e6
        step = next((one for one in STEPS_S if span_s / one <= MOST_TICKS), None)
        step_us = int((step or (int(span_s / MOST_TICKS / 86_400) + 1) * 86_400) * 1e6)
        first = -(-self.from_us // step_us) * step_us
        moments = range(first, self.until_us + 1, step_us)
        return [
            Tick(self.x(one), _text(one, step_us), number % 2 == 1, anchor_of(self.share(one)))
            for number, one in enumerate(moments)
        ]


def anchor_of(share: float) -> str:
    """Return on which side of its place a word stands, so that it is not cut off at the edges."""
    return "start" if share < 8 else "end" if share > 92 else "middle"


def axis_around(from_us: int, until_us: int, *, share: float = 0.06) -> TimeAxis:
    """Return an axis that has a little room on both sides."""
    room = max(int((until_us - from_us) * share), LEAST_SPAN_US // 2)
    return TimeAxis(from_us - room, until_us + room)


def _text(moment_us: int, step_us: int) -> str:
    moment = datetime.fromtimestamp(moment_us / 1e6, UTC)
    if step_us >= 86_400_000_000:
        return moment.strftime("%m-%d")
    if step_us < 60_000_000:
        return moment.strftime("%H:%M:%S")
    return moment.strftime("%H:%M") if (moment.hour, moment.minute) != (0, 0) else moment.strftime("%m-%d")
