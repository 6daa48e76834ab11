"""The figures of the model card: macro F1 and temperature, against cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from models.training.encoder.answers import bucket_of, probabilities
from models.training.encoder.rows import Row, columns_of_heads
from models.training.text.heads import HEADS, LABEL_COUNT
from models.training.text.measure import figures_by_head, fit_temperatures, macro_f1


def test_macro_f1_of_a_case_done_by_hand() -> None:
    """Label 0: precision 1, recall 1/2, F1 2/3. Label 1: precision 1/2, recall 1, F1 2/3."""
    assert macro_f1(np.array([0, 0, 1]), np.array([0, 1, 1])) == pytest.approx(2 / 3)


def test_probabilities_sum_to_one_and_cool_with_temperature() -> None:
    """A higher temperature moves the probabilities towards each other."""
    logits = np.array([[2.0, 0.0, -1.0]], dtype=np.float32)
    sharp, flat = probabilities(logits, 0.5), probabilities(logits, 2.0)
    assert sharp.sum() == pytest.approx(1, abs=2e-6)
    assert sharp[0, 0] > flat[0, 0] > 1 / 3


def test_bucket_of_edges() -> None:
    """A text of exactly an edge's length fits it; one more token takes the next."""
    assert [bucket_of(length) for length in (1, 8, 9, 128)] == [4, 8, 12, 128]


def _logits(head: str, guesses: list[str], height: float) -> np.ndarray:
    logits = np.zeros((len(guesses), LABEL_COUNT), dtype=np.float32)
    start = columns_of_heads(HEADS)[head].start
    for at, guess in enumerate(guesses):
        logits[at, start + HEADS[head].index(guess)] = height
    return logits


def test_figures_stand_beside_the_trivial_answer() -> None:
    """Three of four right; the trivial answer is the training rows' most frequent label."""
    rows = [
        Row(f"row {at}", {"abnormal": label}, "logs", own=True)
        for at, label in enumerate(("true", "true", "false", "true"))
    ]
    figures = figures_by_head(rows, _logits("abnormal", ["true", "true", "true", "true"], 1.0), rows)
    assert figures["abnormal"]["logs"]["accuracy"] == 0.75
    assert figures["abnormal"]["logs"]["trivial_accuracy"] == 0.75
    assert figures["abnormal"]["logs.en"]["rows"] == 4


def test_temperature_warms_an_overconfident_head() -> None:
    """Logits that are far too sure for three hits of four want a temperature above one."""
    rows = [
        Row(f"row {at}", {"abnormal": label}, "logs", own=True)
        for at, label in enumerate(("true", "true", "true", "false"))
    ]
    assert fit_temperatures(rows, _logits("abnormal", ["true"] * 4, 3.0))["abnormal"] > 1.0
