"""Trees over counts of runs, learnt from labelled sequences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from models.event_grams import BEGIN, END, Gram
from models.loaded_sequences import counted_runs
from models.sequence_facts import Judge
from models.training.sequences.measure import best_limit, binary_figures
from models.training.trees.boost import Fitted, Shape, fit
from models.training.trees.graph import margins_node, tree_model

SHAPES = (
    Shape(num_leaves=15, learning_rate=0.1, min_child_samples=5),
    Shape(num_leaves=31, learning_rate=0.05, min_child_samples=5),
    Shape(num_leaves=7, learning_rate=0.1, min_child_samples=2, reg_lambda=1.0),
)
# A run in fewer different sequences is counted among all others: so the trees learn what an unknown run means.
FEWEST_SEQUENCES = 3
MOST_RUNS = 2000


@dataclass(frozen=True)
class Judged:
    """The judge, its trees, and LightGBM's own probabilities for dev."""

    judge: Judge
    fitted: Fitted
    shape: Shape
    dev: NDArray[np.float64]


def learn_judge(
    train: Sequence[Sequence[int]],
    odd: NDArray[np.bool_],
    dev: Sequence[Sequence[int]],
    dev_odd: NDArray[np.bool_],
    *,
    seed: int,
    threads: int,
) -> Judged:
    """Fit each shape on train, keep the one with the best F1 on dev, and choose its limit there."""
    runs = _runs(train)
    columns = {run: i for i, run in enumerate(runs)}
    values, dev_values = counted_runs(train, columns), counted_runs(dev, columns)
    best: tuple[float, float, Judged] | None = None
    for shape in SHAPES:
        fitted = fit(
            values,
            odd.astype(np.int64),
            2,
            shape,
            stop_on=(dev_values, dev_odd.astype(np.int64)),
            seed=seed,
            threads=threads,
        )
        chances = 1.0 / (1.0 + np.exp(-fitted.predict_margins(dev_values)[:, 0]))
        limit = best_limit(dev_odd, chances)
        f1 = binary_figures(dev_odd, chances >= limit)["f1"]
        loss = float(-np.log(np.clip(np.where(dev_odd, chances, 1 - chances), 1e-12, 1)).mean())
        if best is None or (f1, -loss) > best[:2]:
            best = (f1, -loss, Judged(Judge(runs, limit), fitted, shape, chances))
    assert best is not None
    return best[2]


def write_judge(path: Path, judged: Judged) -> None:
    """Write the judge's graph."""
    node = margins_node(judged.fitted.trees, 1, "values", "margins")
    model: onnx.ModelProto = tree_model([node], len(judged.judge.runs) + 2, {"margins": 1})
    path.write_bytes(model.SerializeToString(deterministic=True))


def _runs(sequences: Sequence[Sequence[int]]) -> tuple[Gram, ...]:
    found: Counter[Gram] = Counter()
    for sequence in {tuple(one) for one in sequences}:
        found.update({*((event,) for event in sequence), *pairwise((BEGIN, *sequence, END))})
    frequent = sorted((-times, run) for run, times in found.items() if times >= FEWEST_SEQUENCES)
    return tuple(sorted((run for _, run in frequent[:MOST_RUNS]), key=lambda run: (len(run), run)))
