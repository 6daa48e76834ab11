"""How sure the figures are: 95 % intervals by the bootstrap, resampled by device-day.

What one device tells in one day hangs together (an incident, its alerts, their delays), so device-days are what is
drawn, with replacement, as many as there are (Efron's percentile method, clusters as units). Both sides are measured on
the same draws, so the interval of their difference is narrower than either's own. Every draw comes from a seed that
stands beside the figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.replay.judge import Judged
from pipelines.replay.measure import Watched

DAY_US: Final = 86_400_000_000
RESAMPLES: Final = 1000
MEASURES: Final = ("precision", "recall", "f1", "delay_s", "delay_p90_s", "false_alarms_a_device_day")
_AT_ONCE: Final = 4_000_000  # entries of a matrix of draws; bounds memory
_LOW, _HIGH = 0.025, 0.975

Interval = tuple[float, float]
Intervals = Mapping[str, Interval | None]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Certainty:
    """Intervals by side and measure; `difference` is the candidate less the baseline, None where there is one side.

    An interval is null where the measure has no meaning in most of the draws (no alert, no incident found).
    """

    seed: int
    resamples: int
    device_days: int
    sides: Mapping[str, Intervals]
    difference: Intervals | None


@dataclass(frozen=True)
class _Units:
    """One side by device-day: counts, and the delays with the unit of each."""

    right: Floats
    wrong: Floats
    found: Floats
    incidents: Floats
    delays: Floats
    delay_units: NDArray[np.int64]


def bootstrap(
    sides: Mapping[str, Judged], watched: Watched, *, seed: int, resamples: int = RESAMPLES
) -> Certainty | None:
    """Return the intervals of each side, and of the second less the first; None without any device-day."""
    first_day, last_day = watched.first_us // DAY_US, watched.until_us // DAY_US
    whole = watched.devices * (last_day - first_day + 1)
    if whole <= 0:
        return None
    named = sorted(
        {
            unit
            for judged in sides.values()
            for unit in (
                *((alert.device_id, _day(alert.fired_us, first_day, last_day)) for alert in judged.alerts),
                *((one.device_id, _day(one.from_us, first_day, last_day)) for one in judged.incidents),
            )
        }
    )
    place = {unit: number for number, unit in enumerate(named)}
    units = {name: _units(judged, place, first_day, last_day) for name, judged in sides.items()}
    drawn: dict[str, list[dict[str, Floats]]] = {name: [] for name in sides}
    draws = np.random.default_rng(seed)
    # Device-days on which nothing was raised and nothing happened are one category: they add nothing but their number.
    shares = np.full(len(named) + 1, 1 / max(whole, len(named)))
    shares[-1] = max(0.0, 1 - len(named) / max(whole, len(named)))
    done = 0
    while done < resamples:
        count = min(resamples - done, max(1, _AT_ONCE // len(shares)))
        weights = draws.multinomial(max(whole, len(named)), shares, size=count)[:, :-1].astype(np.float64)
        for name, one in units.items():
            drawn[name].append(_measure(one, weights, watched.device_days))
        done += count
    measured = {
        name: {measure: np.concatenate([block[measure] for block in blocks]) for measure in MEASURES}
        for name, blocks in drawn.items()
    }
    difference = None
    if len(measured) == 2:
        before, after = measured.values()
        difference = {measure: _interval(after[measure] - before[measure]) for measure in MEASURES}
    own = {name: {measure: _interval(found[measure]) for measure in MEASURES} for name, found in measured.items()}
    return Certainty(seed, resamples, whole, own, difference)


def _day(time_us: int, first: int, last: int) -> int:
    """The day of a moment; what began before the history counts as its first day's."""
    return min(max(time_us // DAY_US, first), last)


def _units(judged: Judged, place: Mapping[tuple[str, int], int], first: int, last: int) -> _Units:
    right, wrong, found, incidents = (np.zeros(len(place)) for _ in range(4))
    for alert, hits in zip(judged.alerts, judged.hits, strict=True):
        (right if hits else wrong)[place[alert.device_id, _day(alert.fired_us, first, last)]] += 1
    where = [place[one.device_id, _day(one.from_us, first, last)] for one in judged.incidents]
    np.add.at(incidents, where, 1)
    np.add.at(found, [where[index] for index in judged.delays], 1)
    delays = sorted((delay, where[index]) for index, delay in judged.delays.items())
    return _Units(
        right, wrong, found, incidents, np.array([d for d, _ in delays]), np.array([u for _, u in delays], np.int64)
    )


def _measure(units: _Units, weights: Floats, device_days: float) -> dict[str, Floats]:
    """Return the measures of each draw; NaN where one has no meaning."""
    right, wrong, found, incidents = (weights @ one for one in (units.right, units.wrong, units.found, units.incidents))
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall = right / (right + wrong), found / incidents
        f1 = 2 * precision * recall / (precision + recall)
        alarms = wrong / device_days
    f1[(incidents > 0) & ((found == 0) | (right == 0))] = 0.0
    of_delays = weights[:, units.delay_units]
    return {
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "delay_s": _weighted_quantile(units.delays, of_delays, 0.5),
        "delay_p90_s": _weighted_quantile(units.delays, of_delays, 0.9),
        "false_alarms_a_device_day": alarms,
    }


def _weighted_quantile(values: Floats, weights: Floats, share: float) -> Floats:
    """Return numpy's (linear) quantile of sorted values, each repeated `weights` times in a draw; NaN for none."""
    if not len(values):
        return np.full(len(weights), np.nan)
    counts = np.cumsum(weights, axis=1)
    last = counts[:, -1]
    at = share * np.maximum(last - 1, 0)
    low, high = np.floor(at), np.ceil(at)
    below, above = (
        values[np.minimum((counts <= position[:, None]).sum(axis=1), len(values) - 1)] for position in (low, high)
    )
    return np.where(last > 0, below + (above - below) * (at - low), np.nan)


def _interval(values: Floats) -> Interval | None:
    known = values[~np.isnan(values)]
    if len(known) * 2 < len(values):
        return None
    low, high = np.quantile(known, [_LOW, _HIGH])
    return round(float(low), 6), round(float(high), 6)
