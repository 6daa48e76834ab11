"""Which metrics go together in a normal stretch: principal components of standardised, smoothed readings.

Two distances (J. E. Jackson and G. S. Mudholkar, 1979): T², how far a reading lies from the centre within the
components, each by its own variance; and Q, how far it lies outside of them, where normal readings hardly are. A device
drifts within its components (its oil is warm, the load is high), so T² is given more room than Q.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.loaded_multivariate import Numbers

# Of each new reading this much enters the smoothed one: about the last nine readings count.
SMOOTHING = 0.2
# The components keep this share of the normal variance.
KEPT_VARIANCE = 0.9
# A standardised reading counts as so much at most: one mad value is forgotten after some twenty readings.
FARTHEST = 50.0
# Limits: the distance that one normal reading in a hundred exceeds, times this.
Q_ROOM, T2_ROOM = 2.5, 6.0
QUANTILE = 0.99


@dataclass(frozen=True)
class Components:
    """`center` and `scale` standardise a metric; `loadings` (metrics, components); limits of both distances."""

    center: Numbers
    scale: Numbers
    loadings: Numbers
    variances: Numbers
    t2_limit: float
    q_limit: float


def standardised(values: Numbers, center: Numbers, scale: Numbers) -> Numbers:
    """Return readings in units of the normal spread, at most `FARTHEST`."""
    return np.asarray(np.clip((values - center) / scale, -FARTHEST, FARTHEST))


def smoothed(readings: Numbers) -> Numbers:
    """Smooth standardised readings; a metric that was not read stays where it was, at 0 before its first reading."""
    found = np.zeros_like(readings)
    last: Numbers | None = None
    for row, reading in enumerate(readings):
        if last is None:
            last = np.where(np.isnan(reading), 0.0, reading)
        else:
            last = np.where(np.isnan(reading), last, last + SMOOTHING * (reading - last))
        found[row] = last
    return found


def distances(smooth: Numbers, components: Components) -> tuple[Numbers, Numbers]:
    """Return T² and Q of smoothed readings."""
    inside = smooth @ components.loadings
    outside = smooth - inside @ components.loadings.T
    return (inside**2 / components.variances).sum(axis=1), (outside**2).sum(axis=1)


def fit_components(stretches: Sequence[Numbers]) -> Components:
    """Learn from the normal stretch of each device; all are of one kind."""
    together = np.concatenate(list(stretches))
    center, scale = np.nanmean(together, axis=0), np.nanstd(together, axis=0)
    smooth = np.concatenate([smoothed(standardised(one, center, scale)) for one in stretches])
    variances, loadings = np.linalg.eigh(np.cov(smooth.T))
    variances, loadings = np.maximum(variances[::-1], 1e-9), loadings[:, ::-1]
    kept = int(np.searchsorted(np.cumsum(variances) / variances.sum(), KEPT_VARIANCE)) + 1
    kept = min(kept, len(variances) - 1)  # or there would be no outside
    first = Components(center, scale, loadings[:, :kept], variances[:kept], 1.0, 1.0)
    t2, q = distances(smooth, first)
    # Limits of nothing at all would call rounding odd.
    t2_limit = max(float(np.quantile(t2, QUANTILE)) * T2_ROOM, 1e-9)
    q_limit = max(float(np.quantile(q, QUANTILE)) * Q_ROOM, 1e-9)
    return Components(center, scale, first.loadings, first.variances, t2_limit, q_limit)
