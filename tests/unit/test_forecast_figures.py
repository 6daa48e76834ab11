"""Figures of probabilities, against the slow way and against what must hold."""

from __future__ import annotations

import numpy as np
import pytest

from models.training.forecast.calibrate import slope_and_offset
from models.training.forecast.figures import area, brier, calibration, called, figures_of, precision_at, rate_by
from models.training.sequences.measure import area_under_curve

SEED = 20261122


def test_a_weight_is_so_many_rows() -> None:
    """Every figure of weighted rows is that of the rows repeated."""
    draw = np.random.default_rng(SEED)
    truth, score = draw.random(60) < 0.3, np.round(draw.random(60), 1)
    weight = draw.integers(1, 5, 60)
    truths, scores = np.repeat(truth, weight), np.repeat(score, weight)
    one = figures_of(truth, score, weight.astype(float), 0.5)
    assert one == figures_of(truths, scores, np.ones(len(truths)), 0.5), f"seed {SEED}"
    slow = area_under_curve(truths, scores)
    assert area(truth, score, weight.astype(float)) == pytest.approx(slow)


def test_precision_at_a_recall_takes_rows_of_one_score_together() -> None:
    truth, score = np.array([True, False, True, False]), np.array([0.9, 0.5, 0.5, 0.1])
    assert precision_at(truth, score, np.ones(4), 0.5) == 1.0
    assert precision_at(truth, score, np.ones(4), 0.9) == pytest.approx(2 / 3)


def test_calibration_finds_the_slope_that_made_the_truth() -> None:
    draw = np.random.default_rng(SEED)
    margins = draw.normal(-2, 2, 40_000)
    truth = draw.random(40_000) < 1 / (1 + np.exp(-(0.6 * margins - 0.5)))
    slope, offset = slope_and_offset(margins, truth, np.ones(40_000))
    assert (slope, offset) == pytest.approx((0.6, -0.5), abs=0.05), f"seed {SEED}"
    chance = 1 / (1 + np.exp(-(slope * margins + offset)))
    for row in calibration(truth, chance, np.ones(40_000)):
        assert row["said"] == pytest.approx(row["came_true"], abs=0.05), f"seed {SEED}"


def test_what_is_never_right_is_no_division_by_zero() -> None:
    nothing = np.zeros(3, dtype=bool)
    assert called(nothing, nothing, np.ones(3)) == {"precision": 0.0, "recall": 0.0}
    assert area(nothing, np.ones(3), np.ones(3)) is None
    assert brier(nothing, np.zeros(3), np.ones(3)) == 0.0
    assert rate_by(nothing, nothing, np.ones(3)) == (0.0, 0.0)
