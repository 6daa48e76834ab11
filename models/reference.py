"""What a model's inputs and answers were like on the data that its card names: counts only, never a row.

A number is counted between the deciles of the reference, so that each range holds about a tenth of it; a label is
counted by its name. What comes later is counted in the same ranges, and the two are compared (`models/drift.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]
FAR = 1e9
SCORE, ODDNESS = ".score", "anomaly.score"
# How odd a reading is means the same everywhere from about here on; below, how scores are spread depends on the shape
# of a series' noise.
ODD = (0.6, 0.9, 0.99)
_DECILES = np.arange(1, 10) / 10


class NumberCounts(msgspec.Struct, frozen=True):
    """How many values lie at or below each of `edges` and above the one before; the last count is what is above all."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse edges that do not rise, and counts that do not fit them."""
        rising = all(one < other for one, other in zip(self.edges, self.edges[1:], strict=False))
        if not self.edges or not rising or len(self.counts) != len(self.edges) + 1 or min(self.counts) < 0:
            raise ValueError(f"reference: expected rising edges and one count more, got {self.edges} and {self.counts}")


class Reference(msgspec.Struct, frozen=True):
    """The reference of one topic: `numbers` and `labels` by figure, from `rows` rows of what `data` says.

    Figures are named by what they tell of: `characters` and `unknown_tokens` of a text, `value of <metric>` and `place`
    (within its expected range) of a reading, `events` (how many, of a sequence), `<answer>` (its labels),
    `<answer>.score`.
    """

    data: str
    rows: int
    numbers: dict[str, NumberCounts] = {}
    labels: dict[str, dict[str, int]] = {}


def bins_of(edges: Iterable[float], values: Numbers) -> NDArray[np.intp]:
    """Return each value's range, counted from 0: the first edge that is not below it.

    >>> bins_of([1.0, 2.0], np.array([0.5, 1.0, 1.5, 9.0])).tolist()
    [0, 0, 1, 2]
    """
    return np.searchsorted(np.asarray(tuple(edges), dtype=np.float64), values, side="left")


def count_numbers(values: Numbers, edges: Iterable[float]) -> NumberCounts:
    """Count finite values between edges."""
    kept = tuple(edges)
    finite = values[np.isfinite(values)]
    return NumberCounts(kept, tuple(np.bincount(bins_of(kept, finite), minlength=len(kept) + 1).tolist()))


def deciles(values: Numbers) -> tuple[float, ...]:
    """Return the distinct deciles of the finite values, each a value that occurs; fewer where one value is common."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        raise ValueError("a reference needs at least one finite value, got none")
    return tuple(np.unique(np.quantile(finite, _DECILES, method="inverted_cdf")).tolist())


def score_edges(values: Numbers) -> tuple[float, ...]:
    """Return deciles of scores to two decimals, and 0.99: what moves beyond the second decimal is no change."""
    rounded = {round(one, 2) for one in deciles(values)}
    return tuple(sorted({one for one in rounded if 0.0 < one < 1.0} | {0.99}))


def reference_of(
    data: str,
    rows: int,
    numbers: Mapping[str, Numbers],
    labels: Mapping[str, Iterable[str]],
) -> Reference:
    """Count figures of some data: between the deciles of each number, of a score by `score_edges`, of oddness by `ODD`.

    A number without a finite value, and labels of nothing, are left out.
    """
    return Reference(
        data,
        rows,
        {
            name: count_numbers(values, _edges(name, values))
            for name, values in numbers.items()
            if np.isfinite(values).any()
        },
        {name: dict(sorted(counts.items())) for name, values in labels.items() if (counts := Counter(values))},
    )


def _edges(name: str, values: Numbers) -> tuple[float, ...]:
    if name == ODDNESS:
        return ODD
    return score_edges(values) if name.endswith(SCORE) else deciles(values)


def place_of(value: Numbers, low: Numbers, high: Numbers) -> Numbers:
    """Return where a reading lies in its expected range, -1 at the low end and 1 at the high one; NaN without a range.

    It has no unit, so it means the same on every series. What lies outside of a range of no width is far away.
    """
    with np.errstate(all="ignore"):
        half = (high - low) / 2
        off = value - (low + half)
        return np.asarray(np.where(half > 0, off / half, np.where(off == 0, 0.0, np.sign(off) * FAR)))
