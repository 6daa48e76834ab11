"""Figures of probabilities: Brier score, area under the curve, precision at a recall, and a calibration table."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from models.training.forecast.rows import Booleans, Numbers

BINS = (0.0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
RECALLS = (0.5, 0.7)


def brier(truth: Booleans, score: Numbers, weight: Numbers) -> float:
    """Return the mean squared distance of probability and truth (G. Brier, 1950).

    >>> brier(np.array([True, False]), np.array([0.5, 0.5]), np.ones(2))
    0.25
    """
    return float(np.average((score - truth) ** 2, weights=weight))


def area(truth: Booleans, score: Numbers, weight: Numbers) -> float | None:
    """Return the chance that a true moment scores above another, ties counting half; None without both kinds.

    >>> area(np.array([True, False, False]), np.array([0.5, 0.5, 0.1]), np.array([1.0, 2.0, 2.0]))
    0.75
    """
    levels, place = np.unique(score, return_inverse=True)
    yes = np.bincount(place, weights=weight * truth, minlength=len(levels))
    no = np.bincount(place, weights=weight * ~truth, minlength=len(levels))
    if not yes.sum() or not no.sum():
        return None
    below = np.cumsum(no) - no
    return float((yes * (below + no / 2)).sum() / (yes.sum() * no.sum()))


def called(truth: Booleans, said: Booleans, weight: Numbers) -> dict[str, float]:
    """Return precision and recall of a yes or no; 0 where there is nothing to divide by."""
    hits = float(weight[truth & said].sum())
    return {
        "precision": round(hits / max(1.0, float(weight[said].sum())), 4),
        "recall": round(hits / max(1.0, float(weight[truth].sum())), 4),
    }


def precision_at(truth: Booleans, score: Numbers, weight: Numbers, recall: float) -> float:
    """Return the precision at the highest limit that finds this share of the true moments."""
    order = np.argsort(-score, kind="stable")
    hits, said = np.cumsum((weight * truth)[order]), np.cumsum(weight[order])
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))  # rows of one score go together
    at = last[int(np.searchsorted(hits[last], recall * hits[-1]))]
    return float(hits[at] / said[at])


def calibration(truth: Booleans, score: Numbers, weight: Numbers) -> list[dict[str, float]]:
    """Return for each bin of probabilities what was said on average, and how often it came true."""
    found = []
    for low, high in pairwise(BINS):
        here = (score >= low) & ((score < high) | (high == 1.0))
        if weight[here].sum():
            found.append(
                {
                    "from": low,
                    "to": high,
                    "moments": int(weight[here].sum()),
                    "said": round(float(np.average(score[here], weights=weight[here])), 4),
                    "came_true": round(float(np.average(truth[here], weights=weight[here])), 4),
                }
            )
    return found


def figures_of(truth: Booleans, score: Numbers, weight: Numbers, limit: float | None = None) -> dict[str, Any]:
    """Return all the figures of one way of forecasting; with a limit also those of what it calls likely."""
    under = area(truth, score, weight)
    figures: dict[str, Any] = {
        "brier": round(brier(truth, score, weight), 6),
        "auc": None if under is None else round(under, 4),
    }
    if truth.any():
        figures |= {
            f"precision_at_recall_{recall}": round(precision_at(truth, score, weight, recall), 4) for recall in RECALLS
        }
    if limit is not None:
        figures["likely"] = called(truth, score >= limit, weight)
    return figures


def rate_by(flag: Booleans, truth: Booleans, weight: Numbers) -> tuple[float, float]:
    """Return how often it was true without the flag and with it: the whole of what such a baseline learns."""
    without, with_it = (float(weight[truth & mask].sum() / max(1.0, weight[mask].sum())) for mask in (~flag, flag))
    return without, with_it
