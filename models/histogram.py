"""A histogram: how many values lay below each of some bounds, and their sum. What a Prometheus histogram is made of."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Counts values by bounds, which rise; who takes values from several threads holds a lock of its own.

    It may be read by any thread meanwhile, and is then at most one value behind.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def take(self, value: float) -> None:
        """Count a value; one that is equal to a bound lies below it."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """How many values were taken."""
        return sum(self.counts)
