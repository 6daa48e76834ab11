"""What the text model's card says of trust: areas under curves, confusions, calibration, damaged texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.training.encoder.rows import Row, columns_of_heads, label_count
from models.training.text.heads import HEADS
from models.training.text.real_logs import agreement_by_system, area_under_roc
from models.training.text.trust import calibration_by_head, confusions, dev_by_label

COLUMNS = columns_of_heads(HEADS)


def test_the_area_is_the_chance_that_a_bad_line_scores_above_a_good_one() -> None:
    source = np.random.default_rng(20261122)
    scores, truth = source.integers(0, 6, 60).astype(float), source.random(60) < 0.4
    pairs = [(good < bad) + (good == bad) / 2 for bad in scores[truth] for good in scores[~truth]]
    assert area_under_roc(scores, truth) == pytest.approx(np.mean(pairs))
    assert area_under_roc(np.array([1.0, 2.0]), np.array([False, True])) == 1.0
    assert np.isnan(area_under_roc(np.array([1.0]), np.array([True])))


def logits(sentiments: list[str]) -> np.ndarray:
    """Answer the sentiment as given, and nothing else."""
    answers = np.zeros((len(sentiments), label_count(HEADS)), dtype=np.float32)
    for at, label in enumerate(sentiments):
        answers[at, COLUMNS["sentiment"].start + HEADS["sentiment"].index(label)] = 3.0
    return answers


ROWS = [
    Row(f"text {label}", {"sentiment": label}, "messages_en", own=True)
    for label in ("negative", "negative", "positive")
]


def test_confusions_hold_truth_by_row_and_answer_by_column() -> None:
    answers = logits(["negative", "neutral", "positive"])
    assert confusions(ROWS, answers)["sentiment"] == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert dev_by_label(ROWS, answers)["sentiment"] == {
        "negative": {"rows": 2, "precision": 1.0, "recall": 0.5, "f1": round(2 / 3, 4)},
        "positive": {"rows": 1, "precision": 1.0, "recall": 1.0, "f1": 1.0},
    }
    assert sum(map(sum, confusions(ROWS, answers)["topic"])) == 0


def test_calibration_is_the_distance_between_confidence_and_truth() -> None:
    answers = logits(["negative", "neutral", "positive"])
    sure = float(np.exp(3) / (np.exp(3) + 2))
    found = calibration_by_head(ROWS, answers, dict.fromkeys(HEADS, 1.0))["sentiment"]
    assert found["expected_calibration_error"] == pytest.approx(abs(sure - 2 / 3), abs=1e-4)
    assert found["rows"] == 3


def test_levels_of_real_lines_are_compared_where_both_kinds_occur(tmp_path: Path) -> None:
    for system, lines in {"A": "ERROR,disk,boom\nINFO,disk,fine\nWARN,disk,hm\n", "B": "INFO,x,fine\n"}.items():
        folder = tmp_path / "logs" / "loghub_2k" / system
        folder.mkdir(parents=True)
        (folder / f"{system}_2k.log_structured.csv").write_text(f"Level,Component,Content\n{lines}")

    def answer(texts: list[str]) -> np.ndarray:
        answers = np.zeros((len(texts), label_count(HEADS)), dtype=np.float32)
        for at, text in enumerate(texts):
            answers[at, COLUMNS["abnormal"].start] = {"disk: boom": 2.0, "disk: fine": 0.0, "disk: hm": -1.0}[text]
        return answers

    assert agreement_by_system(tmp_path, answer) == {
        "A": {"lines": 3.0, "errors_against_info": 1.0, "warnings_and_errors_against_info": 0.5}
    }
