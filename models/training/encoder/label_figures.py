"""How well each label is found: rows, precision, recall, F1."""

from __future__ import annotations

import numpy as np


def figures_by_label(labels: tuple[str, ...], truth: np.ndarray, guess: np.ndarray) -> dict[str, dict[str, float]]:
    """Give the figures of each label that occurs in `truth`; `truth` and `guess` hold places in `labels`."""
    found = {}
    for place, label in enumerate(labels):
        there, said = int((truth == place).sum()), int((guess == place).sum())
        hits = int(((truth == place) & (guess == place)).sum())
        if there:
            precision = hits / said if said else 0.0
            f1 = 2 * hits / (there + said)
            found[label] = {
                "rows": there,
                "precision": round(precision, 4),
                "recall": round(hits / there, 4),
                "f1": round(f1, 4),
            }
    return found
