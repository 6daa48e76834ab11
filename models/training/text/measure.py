"""Figures for the card: accuracy and macro F1 by head, kind of text and language, each beside a trivial answer.

The trivial answer is always the most frequent label of the training rows of the same kind. Macro F1 is the mean of the
F1 of the labels that occur in the measured rows (Yang, 1999).
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from models.training.encoder.calibration import fit_temperature
from models.training.encoder.rows import Row, columns_of_heads
from models.training.text.corpus import HAN
from models.training.text.heads import HEADS

Figures = dict[str, object]


def kind_of(row: Row) -> str:
    """Say what a row is: messages, logs, alarms, or the name of its public set."""
    return row.source.split("_")[0] if row.own else row.source


def macro_f1(truth: np.ndarray, guess: np.ndarray) -> float:
    """Mean F1 over the labels that occur in `truth`."""
    scores = []
    for label in np.unique(truth):
        hits = int(((truth == label) & (guess == label)).sum())
        scores.append(2 * hits / (int((truth == label).sum()) + int((guess == label).sum())))
    return float(np.mean(scores)) if scores else float("nan")


def _figures(truth: np.ndarray, guess: np.ndarray, trivial: int) -> Figures:
    constant = np.full_like(truth, trivial)
    return {
        "rows": len(truth),
        "accuracy": round(float((truth == guess).mean()), 4),
        "macro_f1": round(macro_f1(truth, guess), 4),
        "macro_recall": round(float(np.mean([(guess[truth == one] == one).mean() for one in np.unique(truth)])), 4),
        "trivial_accuracy": round(float((truth == constant).mean()), 4),
        "trivial_macro_f1": round(macro_f1(truth, constant), 4),
    }


def figures_by_head(rows: list[Row], logits: np.ndarray, train: list[Row]) -> dict[str, dict[str, Figures]]:
    """Measure own rows: head -> `kind` and `kind.language` -> figures."""
    result: dict[str, dict[str, Figures]] = {}
    for head, columns in columns_of_heads(HEADS).items():
        groups: dict[str, list[int]] = {}
        for at, row in enumerate(rows):
            if head in row.labels:
                language = "zh-CN" if HAN.search(row.text) else "en"
                groups.setdefault(kind_of(row), []).append(at)
                if head != "language":
                    groups.setdefault(f"{kind_of(row)}.{language}", []).append(at)
        result[head] = {}
        for name, members in sorted(groups.items()):
            kind = name.split(".")[0]
            common = Counter(row.labels[head] for row in train if head in row.labels and kind_of(row) == kind)
            trivial = HEADS[head].index(common.most_common(1)[0][0]) if common else 0
            truth = np.array([HEADS[head].index(rows[at].labels[head]) for at in members])
            result[head][name] = _figures(truth, logits[members, columns].argmax(1), trivial)
    return result


def figures_by_set(rows: list[Row], logits: np.ndarray, train: list[Row]) -> dict[str, Figures]:
    """Measure the sentiment of public dev rows by set; for sets of two classes also with neutral barred."""
    columns = columns_of_heads(HEADS)["sentiment"]
    labels = HEADS["sentiment"]
    result: dict[str, Figures] = {}
    for name in sorted({row.source for row in rows}):
        members = [at for at, row in enumerate(rows) if row.source == name]
        truth = np.array([labels.index(rows[at].labels["sentiment"]) for at in members])
        common = Counter(row.labels["sentiment"] for row in train if row.source == name)
        common = common or Counter(rows[at].labels["sentiment"] for at in members)
        scores = logits[members, columns].copy()
        result[name] = _figures(truth, scores.argmax(1), labels.index(common.most_common(1)[0][0]))
        if rows[members[0]].barred:
            scores[:, labels.index("neutral")] = -np.inf
            result[name]["accuracy_of_two_classes"] = round(float((scores.argmax(1) == truth).mean()), 4)
    return result


def fit_temperatures(rows: list[Row], logits: np.ndarray) -> dict[str, float]:
    """Choose each head's temperature: the one under which the true labels of `rows` are most probable."""
    temperatures = {}
    for head, columns in columns_of_heads(HEADS).items():
        members = [at for at, row in enumerate(rows) if head in row.labels and not row.barred]
        truth = np.array([HEADS[head].index(rows[at].labels[head]) for at in members], dtype=np.int64)
        temperatures[head] = fit_temperature(logits[members, columns], truth)
    return temperatures
