"""The answer for a text that is none of a head's labels.

A head of a user's own labels ends with the label `oos`. Its probability comes from a score of how far outside a text
lies, by one of three ways, and the labels inside share what is left:

- `margin`: the logit of `oos` less the best other one; for models that were shown texts of `oos`;
- `confidence`: minus the probability of the best label inside (Hendrycks and Gimpel, 2017);
- `energy`: minus the log of the summed exponentials of the logits inside (Liu et al., 2020).
"""

from __future__ import annotations

from typing import Literal, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

OUT_OF_SCOPE = "oos"
Method = Literal["margin", "confidence", "energy"]
METHODS: tuple[Method, ...] = get_args(Method)
STEEPEST = 60.0


class Outside(msgspec.Struct, frozen=True):
    """How a card says it: the way, and the logistic curve from score to probability (at `threshold` it is a half)."""

    method: Method
    slope: float
    threshold: float

    def __post_init__(self) -> None:
        """Refuse a curve that tells nothing."""
        if not 0 < self.slope < float("inf") or not abs(self.threshold) < float("inf"):
            raise ValueError(f"outside: expected a slope above 0 and a finite threshold, got {self}")


def outside_scores(method: Method, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Score rows by logits over temperature (rows, labels), `oos` the last of them; higher is further outside."""
    inside = scaled[:, :-1]
    top = inside.max(axis=1)
    if method == "margin":
        return np.asarray(scaled[:, -1] - top)
    energy = np.log(np.exp(inside - top[:, None]).sum(axis=1)) + top
    return np.asarray(-energy if method == "energy" else -np.exp(top - energy))


def with_outside(outside: Outside, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities (rows, labels) of logits over temperature, `oos` the last label; not rounded."""
    climb = outside.slope * (outside_scores(outside.method, scaled) - outside.threshold)
    away = 1 / (1 + np.exp(-np.clip(climb, -STEEPEST, STEEPEST)))
    inside = np.exp(scaled[:, :-1] - scaled[:, :-1].max(axis=1, keepdims=True))
    shares = inside / inside.sum(axis=1, keepdims=True) * (1 - away)[:, None]
    return np.concatenate([shares, away[:, None]], axis=1)
