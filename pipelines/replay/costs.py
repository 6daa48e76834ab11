"""What mistakes cost: missed incidents and false alarms, weighed against each other, at every threshold of the score.

An alert's score is the highest score of the events behind it; one without any (an alarm that a device raised itself)
counts as certain, 1. At threshold t the alerts of a score under t are held back; what is missed then, and how many
false alarms are left, gives the cost: misses x the cost of a miss + false alarms, in units of one false alarm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.replay.episodes import Episode
from pipelines.replay.judge import Judged

MISS_COSTS: Final = (1, 3, 10, 30, 100)
MISS_COST: Final = 10.0


@dataclass(frozen=True, slots=True)
class CostPoint:
    """What happens when alerts with a score under `threshold` are held back; None holds all back."""

    threshold: float | None
    alerts: int
    false_alarms: int
    misses: int

    def cost(self, miss_cost: float) -> float:
        """The cost in false alarms, when a missed incident costs as much as `miss_cost` of them."""
        return self.misses * miss_cost + self.false_alarms


@dataclass(frozen=True)
class CostCurve:
    """One side's points: from holding back nothing (threshold 0) to holding back everything."""

    points: tuple[CostPoint, ...]

    @property
    def as_it_is(self) -> CostPoint:
        """With nothing held back."""
        return self.points[0]

    def best(self, miss_cost: float) -> CostPoint:
        """The cheapest point; of equals the one that holds back least."""
        return min(self.points, key=lambda point: point.cost(miss_cost))


def score_of(alert: Episode) -> float:
    """Return an alert's score: the highest of its evidence; 1 for what has none.

    The score of an alarm's category says what kind it is, not whether anything is wrong: it does not count.
    """
    scores = [
        float(one["score"])
        for one in alert.evidence
        if one.get("kind") != "alarm" and isinstance(one.get("score"), int | float)
    ]
    return max(scores, default=1.0)


def cost_curve(judged: Judged) -> CostCurve:
    """Return what each threshold would cost; thresholds are the scores that occur."""
    scores = [score_of(alert) for alert in judged.alerts]
    # An incident is found as long as the most certain alert that is right about it is raised.
    certain: dict[int, float] = {}
    for score, hits in zip(scores, judged.hits, strict=True):
        for incident in hits:
            certain[incident] = max(score, certain.get(incident, score))
    false_scores = np.sort([score for score, hits in zip(scores, judged.hits, strict=True) if not hits])
    all_scores, found = np.sort(scores), np.sort(list(certain.values()))
    incidents = len(judged.incidents)
    points = [
        CostPoint(
            threshold,
            _reach(all_scores, threshold),
            _reach(false_scores, threshold),
            incidents - _reach(found, threshold),
        )
        for threshold in sorted({0.0, *scores})
    ]
    return CostCurve((*points, CostPoint(None, 0, 0, incidents)))


def _reach(ascending: NDArray[np.float64], threshold: float) -> int:
    """How many are at least as high."""
    return len(ascending) - int(np.searchsorted(ascending, threshold, side="left"))
