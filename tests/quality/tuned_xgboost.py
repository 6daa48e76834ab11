"""A peer for `train records`: XGBoost as one would tune it by hand, by cross-validated macro F1 over a grid.

`python tuned_xgboost.py TRAIN TEST TARGET`: both files CSV of numbers. Prints one JSON object.
"""

from __future__ import annotations

import csv
import json
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

GRID = list(product((4, 6), (0.05, 0.1), (1.0, 5.0), (0.5, 1.0)))
ROUNDS = 150


def read(path: str, target: str) -> tuple[np.ndarray, np.ndarray]:
    with Path(path).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    labels = np.array([int(row.pop(target)) for row in rows])
    return np.array([[float(value) for value in row.values()] for row in rows]), labels


def main() -> None:
    import xgboost
    from sklearn.metrics import f1_score
    from sklearn.model_selection import GroupKFold

    train, labels = read(sys.argv[1], sys.argv[3])
    test, truth = read(sys.argv[2], sys.argv[3])
    groups = np.unique(train, axis=0, return_inverse=True)[1].ravel()

    def fitted(values: np.ndarray, classes: np.ndarray, one: tuple[int, float, float, float]) -> Any:
        depth, rate, weight, columns = one
        model = xgboost.XGBClassifier(
            n_estimators=ROUNDS,
            max_depth=depth,
            learning_rate=rate,
            min_child_weight=weight,
            colsample_bytree=columns,
            tree_method="hist",
            n_jobs=1,
            random_state=7,
        )
        return model.fit(values, classes)

    scores = []
    for one in GRID:
        found = np.zeros_like(labels)
        for a, b in GroupKFold(3).split(train, labels, groups):
            found[b] = fitted(train[a], labels[a], one).predict(train[b])
        scores.append(float(f1_score(labels, found, average="macro")))
    best = GRID[int(np.argmax(scores))]
    answers = fitted(train, labels, best).predict(test)
    macro = float(f1_score(truth, answers, average="macro"))
    print(json.dumps({"macro_f1": macro, "cross_validated": max(scores), "chosen": best}))


if __name__ == "__main__":
    main()
