"""A metric of a device over time as the paths of one SVG: readings, the range that was expected, what was odd.

The drawing is WIDTH by HEIGHT and stretched to the page's width by whoever shows it, so it holds no words: labels are
text beside it, and stay readable on a telephone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from schemas.timestamps import parse_timestamp

WIDTH: Final = 1000
HEIGHT: Final = 100
MOST_POINTS: Final = 600
"""More are thinned to the least and the greatest of each stretch; what is odd always stays."""
MOST_STEPS: Final = 4
FARTHEST: Final = 2e307
"""What lies beyond is drawn at the plot's edge: the room between two floats can be more than a float holds."""
GAP: Final = 12.0
"""A pause so many times longer than the usual one breaks the line."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading; `time_s` is seconds since 1970, a range that was not known is None."""

    time_s: float
    value: float
    low: float | None = None
    high: float | None = None
    odd: str | None = None


@dataclass(frozen=True, slots=True)
class Plot:
    """One metric, ready to be shown. Paths are SVG's `d`; `levels` name the lines of `grid`, the top first."""

    metric: str
    unit: str
    line: str
    band: str
    odd: str
    levels: tuple[str, ...]
    grid: str
    times: tuple[str, ...]
    readings: tuple[Reading, ...] = field(repr=False)
    odd_count: int = 0

    @property
    def least(self) -> float:
        """The smallest value."""
        return min(one.value for one in self.readings)

    @property
    def most(self) -> float:
        """The greatest value."""
        return max(one.value for one in self.readings)

    @property
    def last(self) -> Reading:
        """The latest reading."""
        return self.readings[-1]


def readings_of(events: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, list[Reading]]]:
    """Return unit and readings of each metric of enriched telemetry, by time; what is no reading is left out."""
    found: dict[str, tuple[str, list[Reading]]] = {}
    for event in events:
        time_s, value = _seconds(event.get("event_time")), _number(event.get("value"))
        if time_s is None or value is None:
            continue
        answers = event.get("hubbub")
        anomaly = answers.get("anomaly") if isinstance(answers, dict) else None
        said = anomaly if isinstance(anomaly, dict) else {}
        odd = str(said.get("kind") or "odd") if said.get("is_anomaly") is True else None
        reading = Reading(time_s, value, _number(said.get("expected_low")), _number(said.get("expected_high")), odd)
        _, readings = found.setdefault(str(event.get("metric")), (str(event.get("unit") or ""), []))
        readings.append(reading)
    for _, readings in found.values():
        readings.sort(key=lambda one: one.time_s)
    return found


def plot_of(metric: str, unit: str, readings: Sequence[Reading], *, span_s: tuple[float, float] | None = None) -> Plot:
    """Draw one metric; expects at least one reading. With `span_s` the drawing is from that time to that one."""
    shown = thinned(readings, MOST_POINTS)
    begin_s, end_s = span_s if span_s is not None else (shown[0].time_s, shown[-1].time_s)
    bottom, step, steps = _levels(shown)
    top = bottom + steps * step

    def x(time_s: float) -> float:
        return WIDTH * ((time_s - begin_s) / (end_s - begin_s) if end_s > begin_s else 0.5)

    def y(value: float) -> float:
        return HEIGHT * (1 - (min(max(value, bottom), top) - bottom) / (top - bottom))

    pieces = list(_pieces(shown))
    odd = [one for one in shown if one.odd is not None]
    return Plot(
        metric=metric,
        unit=unit,
        line=" ".join(_line([(x(one.time_s), y(one.value)) for one in piece]) for piece in pieces),
        band=" ".join(_bands(pieces, x, y)),
        odd=" ".join(f"M{x(one.time_s):.1f} {y(one.value):.1f}h0" for one in odd),
        levels=tuple(_short(bottom + number * step) for number in range(steps, -1, -1)),
        grid="".join(f"M0 {HEIGHT * number / steps:g}H{WIDTH}" for number in range(steps + 1)),
        times=_times(begin_s, end_s),
        readings=tuple(readings),
        odd_count=sum(one.odd is not None for one in readings),
    )


def thinned(readings: Sequence[Reading], most: int) -> list[Reading]:
    """Leave out readings that would not be seen: of each stretch of time the extremes stay, and all that are odd."""
    if len(readings) <= most:
        return list(readings)
    size = math.ceil(len(readings) / (most // 2))
    kept: list[Reading] = []
    for start in range(0, len(readings), size):
        stretch = readings[start : start + size]
        chosen = {id(min(stretch, key=lambda one: one.value)), id(max(stretch, key=lambda one: one.value))}
        kept += [one for one in stretch if id(one) in chosen or one.odd is not None]
    return kept


def _pieces(readings: Sequence[Reading]) -> Iterator[list[Reading]]:
    """Cut where nothing was read for long."""
    pauses = sorted(after.time_s - before.time_s for before, after in pairwise(readings))
    longest = GAP * pauses[len(pauses) // 2] if pauses else 0.0
    piece: list[Reading] = []
    for one in readings:
        if piece and one.time_s - piece[-1].time_s > longest > 0:
            yield piece
            piece = []
        piece.append(one)
    yield piece


def _bands(pieces: Iterable[Sequence[Reading]], x: Any, y: Any) -> Iterator[str]:  # noqa: ANN401 - two functions
    for piece in pieces:
        known: list[tuple[float, float, float]] = []
        for one in [*piece, None]:
            if one is not None and one.low is not None and one.high is not None:
                known.append((x(one.time_s), y(one.high), y(one.low)))
            elif len(known) > 1:
                above = [(at, high) for at, high, _ in known]
                below = [(at, low) for at, _, low in reversed(known)]
                yield _line([*above, *below]) + "Z"
                known = []
            else:
                known = []


def _line(points: Sequence[tuple[float, float]]) -> str:
    if len(points) == 1:
        return f"M{points[0][0]:.1f} {points[0][1]:.1f}h0"
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _levels(readings: Sequence[Reading]) -> tuple[float, float, int]:
    """Return the lowest level, the step and how many steps: round ones that hold readings, and most of their ranges.

    What was never below zero has no level below zero for a range's sake alone, unless much of the range lies there.
    """
    values = [one.value for one in readings]
    least, most = min(values), max(values)
    room = max(most - least, 1e-9 * max(abs(least), abs(most), 1.0))
    never_below = least >= 0
    lows = sorted(one.low for one in readings if one.low is not None)
    highs = sorted(one.high for one in readings if one.high is not None)
    if lows and highs:  # a range that was wide for a moment must not make the line flat
        least = max(min(least, lows[len(lows) // 50]), least - 2 * room)
        most = min(max(most, highs[-1 - len(highs) // 50]), most + 2 * room)
    least, most = (min(max(one, -FARTHEST), FARTHEST) for one in (least, most))
    if never_below and least < 0 and -least < 0.25 * most:
        least = 0.0
    if most - least < 1e-9 * max(abs(least), abs(most), 1.0):
        least, most = least - max(abs(least) * 0.05, 0.5), most + max(abs(most) * 0.05, 0.5)
    scale = 10.0 ** math.floor(math.log10((most - least) / MOST_STEPS))
    for nice in (1, 2, 2.5, 5, 10, 20, 25, 50):
        step = nice * scale
        bottom = math.floor(least / step) * step
        steps = math.ceil((most - bottom) / step)
        if 1 <= steps <= MOST_STEPS and bottom <= least and bottom + steps * step >= most:
            return bottom, step, steps
    return least, (most - least) / 2, 2


def _times(begin_s: float, end_s: float) -> tuple[str, ...]:
    form = "%m-%d %H:%M" if end_s - begin_s > 86_400 else "%H:%M" if end_s - begin_s > 600 else "%H:%M:%S"
    moments = [begin_s] if end_s <= begin_s else [begin_s, (begin_s + end_s) / 2, end_s]
    return tuple(datetime.fromtimestamp(one, UTC).strftime(form) for one in moments)


def _short(value: float) -> str:
    return f"{value:,.4g}" if abs(value) >= 1e-12 else "0"


def _number(value: object) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else None  # type: ignore[arg-type]


def _seconds(value: object) -> float | None:
    moment = parse_timestamp(value) if isinstance(value, str) else None
    return None if moment is None else moment.timestamp()
