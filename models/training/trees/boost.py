"""Fit boosted trees with LightGBM, always to the same trees."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.training.trees.tree import Tree, read_trees


@dataclass(frozen=True)
class Shape:
    """What trees may look like; the names are LightGBM's."""

    num_leaves: int = 15
    learning_rate: float = 0.1
    min_child_samples: int = 5
    colsample_bytree: float = 1.0
    reg_lambda: float = 0.0
    max_bin: int = 255
    max_rounds: int = 300
    balanced: bool = False


@dataclass(frozen=True)
class Fitted:
    """Trees in LightGBM's order (round by round, margin by margin), and the booster that they were read from."""

    trees: list[Tree]
    margins: int
    booster: Any

    @property
    def rounds(self) -> int:
        """How many rounds were kept."""
        return len(self.trees) // self.margins

    def predict_margins(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return LightGBM's own margins (rows, margins)."""
        found = self.booster.predict(values.astype(np.float64), raw_score=True)
        return np.asarray(found, dtype=np.float64).reshape(len(values), self.margins)


def fit(
    values: NDArray[np.float32],
    classes: NDArray[np.int64],
    count: int,
    shape: Shape,
    *,
    weights: NDArray[np.float64] | None = None,
    stop_on: tuple[NDArray[np.float32], NDArray[np.int64]] | None = None,
    stop_weights: NDArray[np.float64] | None = None,
    rounds: int | None = None,
    rising: Sequence[int] = (),
    seed: int = 7,
    threads: int = 1,
) -> Fitted:
    """Fit trees for `count` classes; with `stop_on` rounds end when log loss there has not fallen for 30 of them.

    `rounds` says how many to fit instead of the shape's most, `rising` is 1 for each column that may only raise the
    margin (0: either way).
    """
    import lightgbm

    margins = 1 if count == 2 else count
    settings: dict[str, Any] = {
        one: value for one, value in asdict(shape).items() if one not in ("max_rounds", "balanced")
    }
    settings |= {
        "min_data_in_bin": 3 if shape.max_bin <= 255 else 1,
        "objective": "binary" if margins == 1 else "multiclass",
        "metric": "binary_logloss" if margins == 1 else "multi_logloss",
        "seed": seed,
        "num_threads": threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    if rising:
        settings["monotone_constraints"] = list(rising)
    if margins > 1:
        settings["num_class"] = count
    if shape.balanced:
        share = np.bincount(classes, minlength=count) / len(classes)
        own = 1.0 / np.maximum(share, 1e-9)[classes] / count
        weights = own if weights is None else weights * own
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of LightGBM's own making
        data = lightgbm.Dataset(values.astype(np.float64), classes, weight=weights, free_raw_data=False)
        held, calls = [], []
        if stop_on is not None:
            values, classes = stop_on[0].astype(np.float64), stop_on[1]
            held = [lightgbm.Dataset(values, classes, weight=stop_weights, reference=data, free_raw_data=False)]
            calls = [lightgbm.early_stopping(30, verbose=False)]
        most = shape.max_rounds if rounds is None else rounds
        booster = lightgbm.train(settings, data, most, valid_sets=held, callbacks=calls)
        best = booster.best_iteration if stop_on is not None and booster.best_iteration > 0 else None
        described = booster.dump_model(num_iteration=best)
    return Fitted(read_trees(described), margins, booster)
