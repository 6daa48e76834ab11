"""The benchmark's simplest baseline: the normal distribution of the readings before, and how far in its tail one is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WINDOW, STEP = 6_400, 100
LEAST_DEVIATION = 1e-6


def windowed_gaussian(values: Floats, window: int = WINDOW, step: int = STEP) -> Floats:
    """Return 1 - the one-sided tail probability of each reading; 0 for the first.

    The window grows to `window` readings and then moves on by `step` at once, as the benchmark's own baseline does.
    """
    before = np.arange(len(values))
    end = np.where(before <= window, before, window + (before - window) // step * step)
    begin = np.maximum(end - window, 0)
    centred = values - values[:1].mean() if len(values) else values
    sums, squares = (np.concatenate([[0.0], np.cumsum(part)]) for part in (centred, centred**2))
    count = np.maximum(end - begin, 1)
    mean = (sums[end] - sums[begin]) / count
    deviation = np.sqrt(np.maximum((squares[end] - squares[begin]) / count - mean**2, 0.0))
    far = np.abs(centred - mean) / np.maximum(deviation, LEAST_DEVIATION)
    scores = np.array([1.0 - 0.5 * math.erfc(z / math.sqrt(2.0)) for z in far])
    scores[:1] = 0.0
    return scores
