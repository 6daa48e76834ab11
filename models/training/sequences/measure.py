"""Figures of sequence answers, each beside trivial ones: everything is abnormal; what was never seen is abnormal."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray


def binary_figures(truth: NDArray[np.bool_], called: NDArray[np.bool_]) -> dict[str, float]:
    """Return precision, recall and F1 of the abnormal ones; 0 where there is nothing to divide by.

    >>> binary_figures(np.array([True, True, False]), np.array([True, False, True]))
    {'precision': 0.5, 'recall': 0.5, 'f1': 0.5}
    """
    hits = int((truth & called).sum())
    precision = hits / max(1, int(called.sum()))
    recall = hits / max(1, int(truth.sum()))
    f1 = 2 * hits / max(1, int(truth.sum()) + int(called.sum()))
    return {"precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}


def area_under_curve(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> float | None:
    """Return the chance that an abnormal one scores above a normal one, ties counting half; None without both kinds.

    >>> area_under_curve(np.array([True, False, False]), np.array([0.5, 0.5, 0.1]))
    0.75
    """
    odd, normal = scores[truth], np.sort(scores[~truth])
    if not len(odd) or not len(normal):
        return None
    below = np.searchsorted(normal, odd, "left") + np.searchsorted(normal, odd, "right")
    return float(below.sum() / (2 * len(odd) * len(normal)))


def trivial_figures(
    truth: NDArray[np.bool_], sequences: Sequence[tuple[str, ...]], known_normal: Collection[tuple[str, ...]]
) -> dict[str, dict[str, float]]:
    """Return the figures of the two answers that need no model."""
    known = set(known_normal)
    return {
        "everything_abnormal": binary_figures(truth, np.ones(len(truth), dtype=bool)),
        "unseen_abnormal": binary_figures(truth, np.array([one not in known for one in sequences], dtype=bool)),
    }


def best_limit(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Return the limit in [0.02, 0.98] with the highest F1 of `scores >= limit`; of several the nearest to a half."""
    limits = np.round(np.arange(0.02, 0.981, 0.02), 2)
    f1 = [binary_figures(truth, scores >= limit)["f1"] for limit in limits]
    best = max(f1)
    equal = [float(limit) for limit, one in zip(limits, f1, strict=True) if one == best]
    return min(equal, key=lambda limit: (abs(limit - 0.5), limit))
