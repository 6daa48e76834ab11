"""Choose on dev when a text is none of the labels: the way, the threshold, and how steep the answer's probability is.

Of the ways (models/out_of_scope.py) the one with the best F1 on dev's own `oos` rows wins; without such rows it is
`energy`. The threshold is the one with the best F1 among those that call at most 5 % of the other dev rows out of
scope.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.out_of_scope import METHODS, Method, Outside, outside_scores, with_outside

MOST_FALSE = 0.05
SLOPES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
SHIFTS = 241


@dataclass(frozen=True)
class Chosen:
    """A curve, and what it does on dev: `false_rate` of rows in scope; `recall` and `f1` of oos rows, None without."""

    outside: Outside
    false_rate: float
    recall: float | None
    f1: float | None
    surprise: float


def choose(logits: np.ndarray, is_outside: np.ndarray, temperature: float, *, shown: bool) -> Chosen:
    """Choose on dev: logits (rows, labels) with `oos` last; `shown` says whether the model learnt from oos rows."""
    scaled = logits.astype(np.float64) / temperature
    if not is_outside.any():
        methods: tuple[Method, ...] = ("energy",)
    else:
        methods = tuple(method for method in METHODS if shown or method != "margin")
    found = [one for method in methods for one in _curves(method, scaled, is_outside)]
    # Of curves that are as good, the one whose probabilities fit the dev rows best.
    return max(found, key=lambda one: (round(one.f1 or 0.0, 3), -one.surprise))


def _curves(method: Method, scaled: np.ndarray, is_outside: np.ndarray) -> list[Chosen]:
    scores = outside_scores(method, scaled)
    spread = float(np.std(scores[~is_outside])) or 1.0
    low, high = np.quantile(scores, [0.3, 0.999])
    found = []
    for slope in SLOPES:
        best: Chosen | None = None
        for threshold in np.linspace(low, high + spread, SHIFTS):
            one = _measured(Outside(method, round(slope / spread, 6), round(float(threshold), 6)), scaled, is_outside)
            if one.false_rate <= MOST_FALSE and (best is None or _better(one, best)):
                best = one
        if best is not None:
            found.append(best)
    return found


def _better(one: Chosen, other: Chosen) -> bool:
    """More F1; without oos rows, more of the allowed false calls, for a threshold that never speaks is of no use."""
    if one.f1 is None or other.f1 is None:
        return one.false_rate > other.false_rate
    return (one.f1, -one.surprise) > (other.f1, -other.surprise)


def _measured(outside: Outside, scaled: np.ndarray, is_outside: np.ndarray) -> Chosen:
    chances = with_outside(outside, scaled)
    called = chances.argmax(1) == chances.shape[1] - 1
    away = np.clip(chances[:, -1], 1e-9, 1 - 1e-9)
    surprise = -float(np.mean(np.where(is_outside, np.log(away), np.log(1 - away))))
    false = float((called & ~is_outside).sum() / max(int((~is_outside).sum()), 1))
    if not is_outside.any():
        return Chosen(outside, false, None, None, surprise)
    hits = int((called & is_outside).sum())
    f1 = 2 * hits / (int(called.sum()) + int(is_outside.sum())) if hits else 0.0
    return Chosen(outside, false, hits / int(is_outside.sum()), f1, surprise)
