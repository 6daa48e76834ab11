"""Series with faults whose place is known: what the detector is measured on, made from a fixed seed, no data set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
DAY = 1440  # readings, one a minute


@dataclass(frozen=True)
class Family:
    """One kind of healthy series, values (readings, series); `noise` is the size of what cannot be foreseen in it."""

    name: str
    noise: float
    values: Values


def healthy(readings: int, series: int, seed: int = 1) -> list[Family]:
    """Return series of many characters: noisy, heavy-tailed, wandering, with days, quantised, counting, switching."""
    draw = np.random.default_rng(seed)
    shape = (readings, series)
    at = np.arange(readings)[:, None]
    normal = draw.normal(size=shape)
    wandering = np.cumsum(draw.normal(size=shape), axis=0)
    sluggish = np.zeros(shape)
    pushes = draw.normal(size=shape)
    for i in range(1, readings):
        sluggish[i] = 0.9 * sluggish[i - 1] + pushes[i]
    day = np.sin(2 * np.pi * at / DAY)
    return [
        Family("normal", 1.0, 20 + normal),
        Family("student_3", 1.0, draw.standard_t(3, size=shape)),
        Family("laplace", 1.4, draw.laplace(size=shape)),
        Family("lognormal", 1.0, np.exp(draw.normal(size=shape))),
        Family("sluggish", 1.0, sluggish),
        Family("wandering", 1.0, wandering),
        Family("daily", 0.3, 20 + 5 * day + 0.3 * draw.normal(size=shape)),
        Family("quantised", 0.15, np.round(20 + 2 * day + 0.15 * draw.normal(size=shape), 1)),
        Family("noisy_days", 1.0, (1 + 0.8 * day) * draw.normal(size=shape)),
        Family("compressor", 0.3, -18 + 0.4 * np.sin(2 * np.pi * at / 45) + 0.1 * draw.normal(size=shape)),
        Family("counts", 0.45, draw.poisson(0.2, size=shape).astype(np.float64)),
        Family("switched", 0.5, ((at // 60 + draw.integers(0, 24, series)) % 24 < 10).astype(np.float64)),
    ]


FAULTS = ("spike", "level_shift", "drift", "stuck")


def with_fault(family: Family, fault: str, at: int) -> Values:
    """Return the series with a fault from reading `at` on, sized by the family's noise."""
    values = family.values.copy()
    if fault == "spike":
        values[at] += 12 * family.noise
    elif fault == "level_shift":
        values[at:] += 6 * family.noise
    elif fault == "drift":
        values[at:] += 0.1 * family.noise * np.arange(len(values) - at)[:, None]
    elif fault == "stuck":
        values[at:] = values[at]
    else:
        raise ValueError(f"expected a fault of {FAULTS}, got {fault!r}")
    return values
