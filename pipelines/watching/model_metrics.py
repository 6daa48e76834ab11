"""What the models of this process have done, as Prometheus metrics: how long a run takes, what was remembered."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from models.model_work import work_of_all
from pipelines.watching.buckets import buckets_of


def model_metrics() -> Iterator[Metric]:
    """Give runs and their seconds of each model, and of those that remember answers how many they had."""
    runs = HistogramMetricFamily(
        "hubbub_model_run_seconds", "runs of a model's graph, by the time they took", labels=("model",)
    )
    lookups = CounterMetricFamily(
        "hubbub_model_lookups", "texts by whether their answer was remembered: hit, miss", labels=("model", "outcome")
    )
    for identity, work in sorted(work_of_all().items()):
        runs.add_metric((identity,), buckets_of(work.run_times), work.run_times.total)
        if work.hits or work.misses:
            lookups.add_metric((identity, "hit"), work.hits)
            lookups.add_metric((identity, "miss"), work.misses)
    yield from (runs, lookups)
