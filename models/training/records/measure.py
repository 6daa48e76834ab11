"""Figures of labelled records: accuracy, F1 by label, and what always the same answer would have got."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


def f1_by_label(truth: Integers, answer: Integers, labels: int) -> list[float]:
    """Return each label's F1; 0 for one that neither occurs nor is answered.

    >>> f1_by_label(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
    [0.6666666666666666, 0.6666666666666666]
    """
    found = []
    for label in range(labels):
        hits = int(((truth == label) & (answer == label)).sum())
        found.append(2 * hits / max(1, int((truth == label).sum()) + int((answer == label).sum())))
    return found


def macro_f1(truth: Integers, answer: Integers, labels: int) -> float:
    """Return the mean of all labels' F1."""
    return float(np.mean(f1_by_label(truth, answer, labels)))


def figures_of(truth: Integers, answer: Integers, labels: Sequence[str], common: int) -> dict[str, Any]:
    """Return the figures of answers, beside the one that needs no model; `common` is train's most frequent label."""
    by_label = f1_by_label(truth, answer, len(labels))
    always = np.full(len(truth), common)
    figures: dict[str, Any] = {
        "dev_rows": len(truth),
        "accuracy": round(float((truth == answer).mean()), 4),
        "macro_f1": round(float(np.mean(by_label)), 4),
        "f1": {label: round(one, 4) for label, one in zip(labels, by_label, strict=True)},
        "trivial": {
            "most_frequent_label": {
                "accuracy": round(float((truth == common).mean()), 4),
                "macro_f1": round(macro_f1(truth, always, len(labels)), 4),
            }
        },
    }
    if len(labels) == 2:
        everything = f1_by_label(truth, np.ones(len(truth), dtype=np.int64), 2)[1]
        figures["trivial"][f"always_{labels[1]}"] = {"f1": round(everything, 4)}
    return figures
