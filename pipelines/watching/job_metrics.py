"""What a running job tells Prometheus. Nothing is counted twice: each scrape reads what the job and the broker know."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from infra.broker import Broker, Offset, TopicPartition
from pipelines.drift.live_drift import LiveDrift
from pipelines.engines.barriers import NEVER
from pipelines.engines.embedded_engine import JobReport
from pipelines.engines.place import place_of
from pipelines.engines.upstream_time import times_of
from pipelines.pipeline import Pipeline
from pipelines.watching.broker_metrics import PLACE, lag_metrics, of_broker
from pipelines.watching.buckets import buckets_of
from pipelines.watching.drift_metrics import drift_metrics
from pipelines.watching.model_metrics import model_metrics
from pipelines.watching.open_alerts import OpenAlerts


class JobMetrics(Collector):
    """The metrics of one process of a job; docs/watching.md describes each.

    `report` is what the engine counts, `groups` are those whose lag is told, with their pipelines, `lateness_us` is the
    job's, `drift` counts for drift. `clock` gives microseconds since 1970.
    """

    def __init__(
        self,
        report: JobReport,
        broker: Broker,
        groups: Mapping[str, Pipeline],
        lateness_us: int,
        clock: Callable[[], int] = lambda: time.time_ns() // 1000,
        drift: LiveDrift | None = None,
    ) -> None:
        """Nothing is asked of the broker before the first scrape."""
        self._report = report
        self._broker = broker
        self._groups = groups
        self._lateness_us = lateness_us
        self._clock = clock
        self._drift = drift
        self._alerts = OpenAlerts(broker)

    def describe(self) -> Iterator[Metric]:
        """Describe nothing beforehand: registering must not ask the broker."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Give all metrics; those of the broker are left out while it is away, and `hubbub_broker_up` is 0."""
        yield from self._counted()
        yield from model_metrics()
        if self._drift is not None:
            yield from drift_metrics(self._drift)
        yield from of_broker(self._of_broker)

    def _counted(self) -> Iterator[Metric]:
        rows = CounterMetricFamily(
            "hubbub_rows", "rows by what became of them: in, out, dead letters, repeats", labels=("pipeline", "outcome")
        )
        reasons = CounterMetricFamily("hubbub_dead_letters", "dead letters by reason", labels=("pipeline", "reason"))
        seconds = CounterMetricFamily("hubbub_stage_seconds", "time spent in a stage", labels=("pipeline", "stage"))
        within = CounterMetricFamily(
            "hubbub_operator_seconds", "time spent in an operator, its model included", labels=("pipeline", "operator")
        )
        steps = CounterMetricFamily("hubbub_steps", "steps that were committed", labels=("pipeline",))
        sizes = HistogramMetricFamily("hubbub_step_rows", "committed steps by the rows they read", labels=("pipeline",))
        for pipeline, times in list(self._report.pipelines.items()):
            steps.add_metric((pipeline,), times.steps)
            sizes.add_metric((pipeline,), buckets_of(times.step_rows), times.step_rows.total)
            for outcome, count in list(times.rows.items()):
                rows.add_metric((pipeline, outcome), count)
            for reason, count in list(times.reasons.items()):
                reasons.add_metric((pipeline, reason), count)
            for stage, taken in list(times.seconds.items()):
                seconds.add_metric((pipeline, stage), taken)
            for operator, taken in list(times.operators.items()):
                within.add_metric((pipeline, operator), taken)
        yield from (rows, reasons, seconds, within, steps, sizes)

    def _of_broker(self) -> Iterator[Metric]:
        now_us = self._clock()
        yield from lag_metrics(self._broker, self._groups, now_us)
        delay = GaugeMetricFamily(
            "hubbub_event_time_delay_seconds",
            "how far the highest event time that a group has seen lies behind the clock",
            labels=PLACE,
        )
        age = GaugeMetricFamily(
            "hubbub_watermark_age_seconds",
            "how far the time that a pipeline's slowest stream has passed lies behind the clock",
            labels=("group",),
        )
        for group, pipeline in self._groups.items():
            places = self._broker.places(group)
            for part, at in places.items():
                if (high_us := _event_time(at)) is not None:
                    delay.add_metric((group, part.topic, str(part.partition)), (now_us - high_us) / 1e6)
            if (passed_us := _passed(pipeline, places, self._lateness_us)) is not None:
                age.add_metric((group,), (now_us - passed_us) / 1e6)
        alerts = GaugeMetricFamily("hubbub_alerts", "alerts that are not resolved", labels=("state", "severity"))
        for (state, severity), count in sorted(self._alerts.count().items()):
            alerts.add_metric((state, severity), count)
        yield from (delay, age, alerts)


def _event_time(at: Offset) -> int | None:
    try:
        return place_of(at, 0)[0].high_us
    except ValueError:
        return None  # an offset that another tool has set


def _passed(pipeline: Pipeline, places: Mapping[TopicPartition, Offset], lateness_us: int) -> int | None:
    """Return the time that all streams have passed of which any is known; None before the first."""
    try:
        return min((one for one in times_of(pipeline, places, lateness_us).values() if one != NEVER), default=None)
    except ValueError:
        return None  # an offset that another tool has set
