"""How far the answers of the text model can be trusted: calibration, confusions, and texts that are badly typed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.text_answers import probabilities_of
from models.training.encoder.calibration import calibration
from models.training.encoder.damage_suite import DAMAGES, damaged
from models.training.encoder.label_figures import figures_by_label
from models.training.encoder.rows import Row, columns_of_heads
from models.training.text.heads import HEADS
from models.training.text.measure import macro_f1

MOST_CONFUSED = 12
Answer = Callable[[list[str]], np.ndarray]


def calibration_by_head(
    rows: list[Row], logits: np.ndarray, temperatures: dict[str, float]
) -> dict[str, dict[str, object]]:
    """Give each head's expected calibration error before and after its temperature, and its bins, on own rows."""
    found: dict[str, dict[str, object]] = {}
    for head, columns in columns_of_heads(HEADS).items():
        members, truth = _members(rows, head)
        scores = logits[members, columns]
        after = calibration(probabilities_of(scores, temperatures[head], None), truth)
        found[head] = {
            "rows": len(members),
            "expected_calibration_error": round(after.error, 4),
            "without_temperature": round(calibration(probabilities_of(scores, 1.0, None), truth).error, 4),
            "bins": [[round(mean, 4), round(share, 4), count] for mean, share, count in after.bins],
        }
    return found


def confusions(rows: list[Row], logits: np.ndarray) -> dict[str, list[list[int]]]:
    """Give each head's confusion matrix on own rows: a row for each true label, a column for each answer."""
    found = {}
    for head, columns in columns_of_heads(HEADS).items():
        members, truth = _members(rows, head)
        table = np.zeros((len(HEADS[head]), len(HEADS[head])), dtype=int)
        np.add.at(table, (truth, logits[members, columns].argmax(1)), 1)
        found[head] = table.tolist()
    return found


def dev_by_label(rows: list[Row], logits: np.ndarray) -> dict[str, dict[str, dict[str, float]]]:
    """Give rows, precision, recall and F1 of each head's labels on own rows."""
    found = {}
    for head, columns in columns_of_heads(HEADS).items():
        members, truth = _members(rows, head)
        found[head] = figures_by_label(HEADS[head], truth, logits[members, columns].argmax(1))
    return found


def cost_of_damage(rows: list[Row], answer: Answer) -> dict[str, dict[str, float]]:
    """Give, by kind of damage, how many points of macro F1 it costs each head of messages; `whole` are the figures."""
    messages = [row for row in rows if "topic" in row.labels]
    texts = [row.text for row in messages]
    whole = _macro_f1(messages, answer(texts))
    found = {"whole": {head: round(value, 4) for head, value in whole.items()}}
    for kind in DAMAGES:
        hurt = _macro_f1(messages, answer(damaged(texts, kind)))
        found[kind] = {head: round(100 * (whole[head] - value), 2) for head, value in hurt.items()}
    return found


def _macro_f1(rows: list[Row], logits: np.ndarray) -> dict[str, float]:
    found = {}
    for head in ("topic", "sentiment", "urgency"):
        members, truth = _members(rows, head)
        found[head] = macro_f1(truth, logits[members, columns_of_heads(HEADS)[head]].argmax(1))
    return found


def _members(rows: list[Row], head: str) -> tuple[list[int], np.ndarray]:
    members = [at for at, row in enumerate(rows) if head in row.labels]
    return members, np.array([HEADS[head].index(rows[at].labels[head]) for at in members], dtype=np.int64)
