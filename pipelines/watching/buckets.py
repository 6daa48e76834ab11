"""A histogram as Prometheus has it: buckets by their upper bound, each with what lies in those below it."""

from __future__ import annotations

from itertools import accumulate

from prometheus_client.utils import floatToGoString

from models.histogram import Histogram


def buckets_of(histogram: Histogram) -> list[tuple[str, float]]:
    """Return (`le`, how many values were at most so large), the last one for all.

    >>> histogram = Histogram((0.5, 2))
    >>> for value in (0.1, 2, 7):
    ...     histogram.take(value)
    >>> buckets_of(histogram)
    [('0.5', 1.0), ('2.0', 2.0), ('+Inf', 3.0)]
    """
    counts = list(histogram.counts)
    bounds = (*map(floatToGoString, histogram.bounds), "+Inf")
    return [(bound, float(count)) for bound, count in zip(bounds, accumulate(counts), strict=True)]
