"""What a text model answers to some texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.out_of_scope import Outside, with_outside

DECIMALS = 6


@dataclass(frozen=True, slots=True, eq=False)
class TextAnswers:
    """Answers by head.

    `present` (rows,) says which rows had words to judge; the others' probabilities are NaN. `probabilities` are
    float64 (rows, labels) in [0, 1] with six decimals. `words` are those that carried each row's most probable label,
    for the heads where they were asked for; no words where there is no answer.
    """

    model: str
    labels: Mapping[str, tuple[str, ...]]
    present: NDArray[np.bool_]
    probabilities: Mapping[str, NDArray[np.float64]]
    words: Mapping[str, list[list[str]]]

    def best(self, head: str) -> NDArray[np.intp]:
        """Return the place of each row's most probable label, the first of equal ones; 0 for a row without answer."""
        places: NDArray[np.intp] = self.probabilities[head].argmax(axis=1)
        return places


def probabilities_of(
    logits: NDArray[np.float32], temperature: float, outside: Outside | None = None
) -> NDArray[np.float64]:
    """Turn one head's logits (rows, labels) into probabilities with six decimals: softmax(logits / temperature).

    With `outside`, the last label is `oos`; see models/out_of_scope.py.
    """
    scaled = np.ascontiguousarray(logits, dtype=np.float64) / temperature
    if outside is not None:
        return np.round(with_outside(outside, scaled), DECIMALS)
    raised = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = np.round(raised / raised.sum(axis=1, keepdims=True), DECIMALS)
    return probabilities
