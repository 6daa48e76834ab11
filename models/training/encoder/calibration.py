"""How far probabilities can be trusted: temperature, expected calibration error, and the bins of its plot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TEMPERATURES = np.round(np.geomspace(0.4, 3.0, 61), 3)
BINS = 10


@dataclass(frozen=True)
class Calibration:
    """Expected calibration error (Guo et al., 2017), and by bin: mean probability, share that was right, rows."""

    error: float
    bins: tuple[tuple[float, float, int], ...]


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """Choose what divides logits (rows, labels) so that the true labels are most probable; 1 without rows."""
    if not len(truth):
        return 1.0
    surprise = []
    for temperature in TEMPERATURES:
        scaled = logits.astype(np.float64) / temperature
        scaled = scaled - scaled.max(1, keepdims=True)
        chances = scaled - np.log(np.exp(scaled).sum(1, keepdims=True))
        surprise.append(-chances[np.arange(len(truth)), truth].mean())
    return float(TEMPERATURES[int(np.argmin(surprise))])


def calibration(chances: np.ndarray, truth: np.ndarray) -> Calibration:
    """Compare the probability of each row's best label with how often it is right, in ten bins of equal width."""
    confidence, right = chances.max(1), chances.argmax(1) == truth
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bins, error = [], 0.0
    for number in range(BINS):
        members = place == number
        rows = int(members.sum())
        if rows:
            mean, share = float(confidence[members].mean()), float(right[members].mean())
            bins.append((mean, share, rows))
            error += rows / len(truth) * abs(mean - share)
    return Calibration(error, tuple(bins))
