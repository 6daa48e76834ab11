"""Choose the shape of the trees, pairs of numbers or none, and the limit, by F1 on dev."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.loaded_records import probabilities_of
from models.training.encoder.progress import say
from models.training.records.crosses import Crosses
from models.training.records.measure import Integers, f1_by_label, macro_f1
from models.training.sequences.measure import best_limit
from models.training.trees.boost import Fitted, Shape, fit

# Fine bins: a rule's border may lie in the tail of a column, where a coarse bin holds both sides of it.
FINE = 1023
SHAPES = (
    Shape(num_leaves=7, learning_rate=0.05, max_bin=FINE, max_rounds=500),
    Shape(num_leaves=31, learning_rate=0.1, min_child_samples=20, max_rounds=300),
    Shape(num_leaves=15, learning_rate=0.05, colsample_bytree=0.5, max_bin=FINE, max_rounds=400, balanced=True),
)
Rows = tuple[NDArray[np.float32], Integers]


@dataclass(frozen=True)
class Choice:
    """What did best on dev, and how well."""

    shape: Shape
    crosses: Crosses
    fitted: Fitted
    limit: float
    f1: float
    loss: float
    dev_margins: NDArray[np.float64]


def choose_trees(train: Rows, dev: Rows, labels: Sequence[str], pairs: Crosses, *, seed: int, threads: int) -> Choice:
    """Try the first shape with and without pairs, then the other shapes with the better of both.

    The measure is the F1 of the rarer of two labels at its best limit, else macro F1; of equals the lower log loss.
    """

    def tried(shape: Shape, crosses: Crosses) -> Choice:
        wide, wide_dev = crosses.widen(train[0]), crosses.widen(dev[0])
        fitted = fit(wide, train[1], len(labels), shape, stop_on=(wide_dev, dev[1]), seed=seed, threads=threads)
        margins = fitted.predict_margins(wide_dev)
        chances = probabilities_of(margins)
        loss = float(-np.log(np.maximum(chances[np.arange(len(dev[1])), dev[1]], 1e-9)).mean())
        limit = 0.5
        if len(labels) == 2:
            limit = best_limit(dev[1] == 1, chances[:, 1])
            f1 = f1_by_label(dev[1], (chances[:, 1] >= limit).astype(np.int64), 2)[1]
        else:
            f1 = macro_f1(dev[1], chances.argmax(axis=1), len(labels))
        told = f"{shape.num_leaves} leaves{', balanced' if shape.balanced else ''}{', pairs' if crosses.left else ''}"
        say(f"{told}: {fitted.rounds} rounds, F1 {f1:.4f}, log loss {loss:.4f} on dev")
        return Choice(shape, crosses, fitted, limit, f1, loss, margins)

    best = tried(SHAPES[0], Crosses())
    if pairs.left:
        best = _better(best, tried(SHAPES[0], pairs))
    for shape in SHAPES[1:]:
        best = _better(best, tried(shape, best.crosses))
    return best


def _better(one: Choice, other: Choice) -> Choice:
    return other if (other.f1, -other.loss) > (one.f1, -one.loss) else one
