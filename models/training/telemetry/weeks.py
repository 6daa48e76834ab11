"""Series with a working week, and days in them that are not what that day of the week is: from a seed, no data set.

Each series begins at an hour of the week of its own, and is read every `interval_s` seconds. What a day is like is
drawn a day at a time (when it opens and closes, how much of everything there is), so no two weeks are equal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.loaded_telemetry import LoadedTelemetry
from models.training.telemetry.measure import judge

Values = NDArray[np.float64]
WEEKS, ODD_WEEK = 10, 8
KNOWN_FROM_WEEK = 4
"""Weeks of a series after which its week is to be known."""
DAY_S, DAYS = 86_400, 7
WEDNESDAY, SUNDAY = 2, 6
MONTH_DAYS = 30.0
# An alarm may come so long after the odd day.
LATE_S = 2 * 3_600


@dataclass(frozen=True)
class Week:
    """What hours (0 to 24) of a day (0 is Monday) are like, for a day's own `shift` (hours) and `amount`."""

    name: str
    level: Callable[[Values, int, float, float], Values]
    noise: float
    slow: float = 0.0  # of the noise: what stays of it for an hour


def _open(hour: Values, begin: float, end: float) -> Values:
    return np.asarray((hour >= begin) & (hour < end), dtype=np.float64)


def _peak(hour: Values, at: float, width: float) -> Values:
    apart = np.abs(hour - at)
    return np.asarray(np.exp(-0.5 * (np.minimum(apart, 24 - apart) / width) ** 2))


def _office(hour: Values, day: int, shift: float, amount: float) -> Values:
    return 2 + 8 * amount * _open(hour, 8 + shift, 18 + shift) * (day < 5)


def _shop(hour: Values, day: int, shift: float, amount: float) -> Values:
    return 1 + 5 * amount * _open(hour, 9 + shift, 20 + shift) * (1.0, 1.0, 1.0, 1.0, 1.1, 1.3, 0.0)[day]


def _requests(hour: Values, day: int, shift: float, amount: float) -> Values:
    return 100 * (1 + 0.6 * np.cos(2 * np.pi * (hour - 15 - shift) / 24)) * (0.6 if day >= 5 else 1.0) * amount


def _rides(hour: Values, day: int, shift: float, amount: float) -> Values:
    if day < 5:
        return 20 + 60 * amount * (_peak(hour, 8.5 + shift, 2) + 1.2 * _peak(hour, 19 + shift, 3))
    return 20 + 60 * amount * (0.9 * _peak(hour, 0.5 + shift, 2.5) + 0.8 * _peak(hour, 16 + shift, 4))


def _weekly_job(hour: Values, day: int, shift: float, amount: float) -> Values:
    return 10 + 3 * np.sin(2 * np.pi * hour / 24) + 40 * amount * _open(hour, 2 + shift, 6 + shift) * (day == SUNDAY)


def _every_day(hour: Values, day: int, shift: float, amount: float) -> Values:
    return 20 + 5 * amount * np.cos(2 * np.pi * (hour - 14 - shift) / 24)


def _no_days(hour: Values, day: int, shift: float, amount: float) -> Values:
    return np.full(len(hour), 20.0)


WITH_A_WEEK: Final = (
    Week("office", _office, 0.4, 0.5),
    Week("shop", _shop, 0.3),
    Week("requests", _requests, 6.0, 0.5),
    Week("rides", _rides, 4.0, 0.5),
    Week("weekly_job", _weekly_job, 1.5),
)
WITHOUT: Final = (Week("every_day", _every_day, 0.5, 0.5), Week("no_days", _no_days, 1.0))
# Name -> (the day that is odd, the day that it is like).
ODD_DAYS: Final = {"none": (None, None), "holiday": (WEDNESDAY, SUNDAY), "working_sunday": (SUNDAY, WEDNESDAY)}


@dataclass(frozen=True)
class Drawn:
    """Values (readings, series), and by series where its odd day begins and ends, in readings."""

    values: Values
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    weekend: NDArray[np.bool_]


def draw(week: Week, interval_s: int, series: int, odd: str, seed: int, weeks: int = WEEKS) -> Drawn:
    """Return series that differ in nothing but their odd day from those drawn with another `odd`."""
    readings = weeks * DAYS * DAY_S // interval_s
    odd_day, like = ODD_DAYS[odd]
    columns, begins, ends, weekends = [], [], [], []
    for number in range(series):
        chance = np.random.default_rng([seed, number])
        start_s = int(chance.integers(0, DAYS * 24)) * 3_600
        at = start_s + np.arange(readings) * interval_s
        days = at // DAY_S
        hour = (at % DAY_S) / 3_600
        shifts, amounts = chance.normal(0, 0.2, weeks * DAYS + 8), chance.normal(1, 0.04, weeks * DAYS + 8)
        noise = chance.normal(size=readings)
        stays = 0.5 ** (interval_s / 3_600)
        slow = np.zeros(readings)
        for i in range(1, readings):
            slow[i] = stays * slow[i - 1] + np.sqrt(1 - stays**2) * noise[i - 1]
        quick = chance.normal(size=readings)
        level = np.zeros(readings)
        # The odd week is a whole one, Monday to Sunday.
        first_monday = (DAYS - start_s // DAY_S % DAYS) % DAYS + start_s // DAY_S
        odd_at = first_monday + DAYS * ODD_WEEK + (odd_day if odd_day is not None else 0)
        for day in np.unique(days):
            own = days == day
            kind = like if like is not None and day == odd_at else int(day % DAYS)
            level[own] = week.level(hour[own], kind, float(shifts[day]), float(amounts[day]))
        columns.append(level + week.noise * (week.slow * slow + (1 - week.slow) * quick))
        begins.append(int(np.searchsorted(at, odd_at * DAY_S)))
        ends.append(int(np.searchsorted(at, (odd_at + 1) * DAY_S)))
        weekends.append(days % DAYS >= 5)
    return Drawn(np.stack(columns, axis=1), np.array(begins), np.array(ends), np.stack(weekends, axis=1))


def by_week(model: LoadedTelemetry, interval_s: int = 3_600, series: int = 24, seed: int = 21) -> dict[str, Any]:
    """Return what is measured of every kind of series, those without a week too."""
    return {week.name: measured(model, week, interval_s, series, seed) for week in (*WITH_A_WEEK, *WITHOUT)}


def _episodes(odd: NDArray[np.bool_], quiet: int) -> NDArray[np.bool_]:
    """Return where alarms begin, (readings, series): those that follow `quiet` readings without one."""
    began = np.zeros(odd.shape, dtype=bool)
    last = np.full(odd.shape[1], -quiet - 1)
    for i, row in enumerate(odd):
        began[i] = row & (i - last > quiet)
        last = np.where(row, i, last)
    return began


def measured(
    model: LoadedTelemetry,
    week: Week,
    interval_s: int,
    series: int,
    seed: int,
    odd_days: Sequence[str] = tuple(ODD_DAYS),
) -> dict[str, Any]:
    """Return false alarms a series and month once the week is to be known, and the share of odd days found.

    `of_weekends` is their part on Saturdays and Sundays, `of_first_weeks` how many a series had before. Alarms
    less than two hours apart are one. An odd day is found if there is an alarm of that day, or within two hours of its
    end, that the same series without it has not; `hours` is the median delay from midnight.
    """
    per_week, quiet = DAYS * DAY_S // interval_s, max(LATE_S // interval_s, 1)
    drawn = {odd: draw(week, interval_s, series, odd, seed) for odd in odd_days}
    odd, kinds, _ = judge(model, np.concatenate([one.values for one in drawn.values()], axis=1), float(interval_s))
    plain = odd[:, :series]
    known = np.arange(len(odd))[:, None] >= KNOWN_FROM_WEEK * per_week
    began = _episodes(plain, quiet)
    months = series * (WEEKS - KNOWN_FROM_WEEK) * DAYS / MONTH_DAYS
    weekend = drawn["none"].weekend
    found: dict[str, Any] = {
        "false_alarms": float((began & known).sum() / months),
        "of_weekends": float((began & known & weekend).sum() / months),
        "of_first_weeks": float((began & ~known).sum() / series),
        "kinds": dict(Counter(model.kinds[kind] for kind in kinds[:, :series][began & known])),
    }
    late = LATE_S // interval_s
    for number, (name, one) in enumerate(drawn.items()):
        if name == "none":
            continue
        own = odd[:, number * series : (number + 1) * series]
        hits, delays = [], []
        for i in range(series):
            span = slice(one.begin[i], one.end[i] + late)
            new = own[span, i] & ~plain[span, i]
            hits.append(bool(new.any()))
            if new.any():
                delays.append(new.argmax() * interval_s / 3_600)
        found[name] = {"found": float(np.mean(hits)), "hours": float(np.median(delays)) if delays else None}
    return found
