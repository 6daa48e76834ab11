"""Calibrate margins: the slope and offset under which probabilities are as often true as they say."""

from __future__ import annotations

import numpy as np

from models.training.forecast.rows import Booleans, Numbers

ROUNDS = 100


def slope_and_offset(margins: Numbers, truth: Booleans, weight: Numbers) -> tuple[float, float]:
    """Fit 1 / (1 + exp(-(slope * margin + offset))) by Newton's method (J. Platt, 1999, with his softened targets)."""
    yes, no = float(weight[truth].sum()), float(weight[~truth].sum())
    target = np.where(truth, (yes + 1) / (yes + 2), 1 / (no + 2))
    design = np.stack([margins, np.ones_like(margins)], axis=1)
    found = np.array([1.0, 0.0])
    for _ in range(ROUNDS):
        chance = 1.0 / (1.0 + np.exp(-design @ found))
        gradient = design.T @ (weight * (chance - target))
        hessian = (design * (weight * chance * (1 - chance))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        # A long step would overshoot where the curve is flat.
        step *= min(1.0, 1.0 / max(1e-12, float(np.abs(step).max())))
        found = found - step
        if float(np.abs(step).max()) < 1e-10:
            break
    return float(found[0]), float(found[1])
