"""Drift of a job's models as Prometheus metrics; compared with the reference when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from models.drift import LEVELS
from pipelines.drift.live_drift import LiveDrift

_MODEL = ("model", "topic")
_FIGURE = (*_MODEL, "figure")


def drift_metrics(drift: LiveDrift) -> Iterator[Metric]:
    """Give the last rows of each model and topic beside its reference; a figure that was not seen has no distance."""
    rows = GaugeMetricFamily("hubbub_drift_rows", "the last rows, which drift is told of", labels=_MODEL)
    reference = GaugeMetricFamily(
        "hubbub_drift_reference_rows", "rows behind the reference on the model's card; 0: it has none", labels=_MODEL
    )
    psi = GaugeMetricFamily("hubbub_drift_psi", "population stability index: 0.1 shifting, 0.25 drift", labels=_FIGURE)
    ks = GaugeMetricFamily("hubbub_drift_ks", "largest distance of cumulated shares, of numbers", labels=_FIGURE)
    bound = GaugeMetricFamily(
        "hubbub_drift_ks_bound", "what chance exceeds once in a thousand, by the rows of both sides", labels=_FIGURE
    )
    level = GaugeMetricFamily("hubbub_drift_level", "0 few rows, 1 stable, 2 shifting, 3 drifted", labels=_FIGURE)
    for one in drift.told():
        rows.add_metric((one.model, one.topic), one.rows)
        reference.add_metric((one.model, one.topic), one.reference_rows)
        for figure in one.figures:
            place = (one.model, one.topic, figure.figure)
            level.add_metric(place, LEVELS.index(figure.level))
            if figure.rows:
                psi.add_metric(place, figure.psi)
            if figure.ks is not None and figure.ks_bound is not None:
                ks.add_metric(place, figure.ks)
                bound.add_metric(place, figure.ks_bound)
    yield from (rows, reference, psi, ks, bound, level)
