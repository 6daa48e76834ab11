"""The scoring rules of the Numenta Anomaly Benchmark (NAB), written anew from its published description.

A detector gives each reading a score; one threshold for the whole corpus turns scores into detections, chosen so that
the result is best. Within a labelled window only the earliest detection counts: close to 1 at the window's left edge,
`sigmoid` falling to 0 at its right edge. A window without any costs the weight of a miss. A detection outside costs
the weight of a false positive, less shortly behind a window. Readings of the probation (the first 15 % of a series, at
most 750) count for nothing. The result is scaled so that finding nothing is 0 and finding all at once is 100.

Source: Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms - the Numenta Anomaly Benchmark" (2015),
and the profiles and the cap of the probation of the benchmark's version 1.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
PROBATION_SHARE, PROBATION_OF_AT_MOST = 0.15, 5_000
OUTSIDE = -1


@dataclass(frozen=True, slots=True)
class Profile:
    """What a found window earns, and what a false positive and a missed window cost."""

    found: float
    false_positive: float
    missed: float


PROFILES: Mapping[str, Profile] = {
    "standard": Profile(1.0, 0.11, 1.0),
    "reward_low_FP_rate": Profile(1.0, 0.22, 1.0),
    "reward_low_FN_rate": Profile(1.0, 0.11, 2.0),
}


@dataclass(frozen=True, slots=True)
class Judged:
    """One labelled series: by reading what a detection there is worth, before any profile's weights.

    `worth` is (readings,) in (0, 1] within windows and [-1, 0) outside; `window` the number of the window or `OUTSIDE`;
    `counts` is false in the probation. `windows` is how many there are.
    """

    group: str
    worth: Floats
    window: NDArray[np.int64]
    counts: NDArray[np.bool_]
    windows: int


@dataclass(frozen=True, slots=True)
class Result:
    """A profile's result: `score` of 100, the threshold it was reached at, and what was found and falsely alarmed."""

    score: float
    threshold: float
    found: int
    windows: int
    false_positives: int


def scaled_sigmoid(position: Floats) -> Floats:
    """Return 2 / (1 + exp(5 position)) - 1; beyond three window widths behind a window, -1."""
    worth: Floats = np.where(position > 3.0, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(position, 3.0))) - 1.0)
    return worth


def judged(group: str, readings: int, windows: Sequence[tuple[int, int]]) -> Judged:
    """Weigh the readings of a series whose windows are given by their first and last index, in order."""
    at = np.arange(readings, dtype=np.float64)
    worth = np.full(readings, -1.0)
    window = np.full(readings, OUTSIDE, dtype=np.int64)
    best = scaled_sigmoid(np.array([-1.0]))[0]
    for number, (first, last) in enumerate(windows):
        width = last - first + 1
        behind = (at - last) / max(width - 1, 1)
        worth[last + 1 :] = scaled_sigmoid(behind[last + 1 :])
        worth[first : last + 1] = scaled_sigmoid(-(last - at[first : last + 1] + 1) / width) / best
        window[first : last + 1] = number
    probation = int(min(PROBATION_SHARE * readings, PROBATION_SHARE * PROBATION_OF_AT_MOST))
    return Judged(group, worth, window, at >= probation, len(windows))


def _steps(scores: Floats, one: Judged, profile: Profile) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return by detection, in falling score: the score, what it adds, and 1 for a window's first, -1 for outside."""
    use = one.counts & np.isfinite(scores)
    order = np.flatnonzero(use)[np.argsort(-scores[use], kind="stable")]
    within = one.window[order]
    adds = np.where(within == OUTSIDE, one.worth[order] * profile.false_positive, 0.0)
    what = np.where(within == OUTSIDE, -1, 0)
    for number in range(one.windows):
        own = np.flatnonzero(within == number)
        if len(own):
            reached = np.maximum.accumulate(one.worth[order[own]] * profile.found)
            adds[own] = np.diff(reached, prepend=-profile.missed)
            what[own[0]] = 1
    return scores[order], adds, what


def curve(
    series: Sequence[Judged], scores: Sequence[Floats], profile: Profile
) -> tuple[Floats, Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct thresholds, falling, and at each the raw gain over finding nothing, windows, false ones."""
    parts = [_steps(score, one, profile) for one, score in zip(series, scores, strict=True)]
    height, adds, what = (np.concatenate([part[i] for part in parts]) for i in range(3))
    order = np.argsort(-height, kind="stable")
    height, adds, what = height[order], adds[order], what[order]
    last = np.append(height[1:] != height[:-1], True) if len(height) else np.zeros(0, dtype=bool)
    return height[last], np.cumsum(adds)[last], np.cumsum(what == 1)[last], np.cumsum(what == -1)[last]


def best_result(series: Sequence[Judged], scores: Sequence[Floats], profile: Profile) -> Result:
    """Return the result at the best single threshold; a threshold that nothing reaches is one, too."""
    thresholds, gains, found, false = curve(series, scores, profile)
    windows = sum(one.windows for one in series)
    if not len(gains) or gains.max() <= 0.0:
        return Result(0.0, float("inf"), 0, windows, 0)
    at = int(gains.argmax())
    return Result(_of_100(gains[at], windows, profile), thresholds[at], int(found[at]), windows, int(false[at]))


def result_at(series: Sequence[Judged], scores: Sequence[Floats], profile: Profile, threshold: float) -> Result:
    """Return the result at a given threshold: a reading with that score or more is a detection."""
    thresholds, gains, found, false = curve(series, scores, profile)
    windows = sum(one.windows for one in series)
    at = int(np.searchsorted(-thresholds, -threshold, side="right")) - 1
    if at < 0:
        return Result(0.0, threshold, 0, windows, 0)
    return Result(_of_100(gains[at], windows, profile), threshold, int(found[at]), windows, int(false[at]))


def _of_100(gain: float, windows: int, profile: Profile) -> float:
    """Scale: finding nothing is 0, every window at its first reading and nothing else 100; no windows, the raw gain."""
    return float(100.0 * gain / (windows * (profile.found + profile.missed))) if windows else float(gain)
