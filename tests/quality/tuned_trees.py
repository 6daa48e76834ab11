"""The best that a tuned boosted-tree peer of `train records` does: a grid searched by cross-validated macro F1.

`python tuned_trees.py PEER TRAIN TEST TARGET`: PEER is `lightgbm` or `xgboost`, both files CSV of numbers. Copies of a
row stay on one side of each cut. Prints one JSON object.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

ROUNDS = 150
SEED = 7


@dataclass(frozen=True)
class Peer:
    """A library's classifier, unfitted, of each of its settings that are tried; the first of equals is chosen."""

    classifier: Callable[..., Any]
    settings: Sequence[tuple[float, ...]]


def lightgbm(leaves: int, rate: float, fewest: int, columns: float) -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(
        n_estimators=ROUNDS,
        num_leaves=leaves,
        learning_rate=rate,
        min_child_samples=fewest,
        colsample_bytree=columns,
        n_jobs=1,
        verbose=-1,
        random_state=SEED,
    )


def xgboost(depth: int, rate: float, weight: float, columns: float) -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(
        n_estimators=ROUNDS,
        max_depth=depth,
        learning_rate=rate,
        min_child_weight=weight,
        colsample_bytree=columns,
        tree_method="hist",
        n_jobs=1,
        random_state=SEED,
    )


PEERS = {
    "lightgbm": Peer(lightgbm, list(product((15, 31), (0.05, 0.1), (5, 20), (0.5, 1.0)))),
    "xgboost": Peer(xgboost, list(product((4, 6), (0.05, 0.1), (1.0, 5.0), (0.5, 1.0)))),
}


def read(path: str, target: str) -> tuple[np.ndarray, np.ndarray]:
    with Path(path).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    labels = np.array([int(row.pop(target)) for row in rows])
    return np.array([[float(value) for value in row.values()] for row in rows]), labels


def main() -> None:
    from sklearn.metrics import f1_score
    from sklearn.model_selection import GroupKFold

    peer = PEERS[sys.argv[1]]
    train, labels = read(sys.argv[2], sys.argv[4])
    test, truth = read(sys.argv[3], sys.argv[4])
    groups = np.unique(train, axis=0, return_inverse=True)[1].ravel()
    scores = []
    for one in peer.settings:
        found = np.zeros_like(labels)
        for a, b in GroupKFold(3).split(train, labels, groups):
            found[b] = peer.classifier(*one).fit(train[a], labels[a]).predict(train[b])
        scores.append(float(f1_score(labels, found, average="macro")))
    best = peer.settings[int(np.argmax(scores))]
    answers = peer.classifier(*best).fit(train, labels).predict(test)
    macro = float(f1_score(truth, answers, average="macro"))
    print(json.dumps({"macro_f1": macro, "cross_validated": max(scores), "chosen": best}))


if __name__ == "__main__":
    main()
