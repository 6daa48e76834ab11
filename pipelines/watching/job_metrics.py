"""What a running job tells Prometheus. Nothing is counted twice: each scrape reads what the job and the broker know."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from infra.broker import Broker, BrokerMismatch, BrokerRefused, BrokerUnavailable, Offset
from pipelines.drift.live_drift import LiveDrift
from pipelines.engines.embedded_engine import JobReport
from pipelines.engines.place import place_of
from pipelines.lag import lags_of
from pipelines.version import VERSION
from pipelines.watching.drift_metrics import drift_metrics
from pipelines.watching.model_metrics import model_metrics
from pipelines.watching.open_alerts import OpenAlerts

_AWAY: Final = (BrokerUnavailable, BrokerMismatch, BrokerRefused)
_PLACE: Final = ("group", "topic", "partition")


class JobMetrics(Collector):
    """The metrics of one process of a job; docs/watching.md describes each.

    `report` is what the engine counts, `groups` are those whose lag is told, `drift`
    counts for drift. `clock` gives microseconds since 1970.
    """

    def __init__(
        self,
        report: JobReport,
        broker: Broker,
        groups: Sequence[str],
        clock: Callable[[], int] = lambda: time.time_ns() // 1000,
        drift: LiveDrift | None = None,
    ) -> None:
        """Nothing is asked of the broker before the first scrape."""
        self._report = report
        self._broker = broker
        self._groups = groups
        self._clock = clock
        self._drift = drift
        self._alerts = OpenAlerts(broker)

    def describe(self) -> Iterator[Metric]:
        """Describe nothing beforehand: registering must not ask the broker."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Give all metrics; those of the broker are left out while it is away, and `hubbub_broker_up` is 0."""
        yield InfoMetricFamily("hubbub_job", "which hubbub this is", value={"version": VERSION})
        yield from self._counted()
        yield from model_metrics()
        if self._drift is not None:
            yield from drift_metrics(self._drift)
        up = 1.0
        try:
            yield from self._of_broker()
        except _AWAY:
            up = 0.0
        yield GaugeMetricFamily("hubbub_broker_up", "1 when the broker answered this scrape", value=up)

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
        for pipeline, times in list(self._report.pipelines.items()):
            steps.add_metric((pipeline,), times.steps)
            for outcome, count in list(times.rows.items()):
                rows.add_metric((pipeline, outcome), count)
            for reason, count in list(times.reasons.items()):
                reasons.add_metric((pipeline, reason), count)
            for stage, taken in list(times.seconds.items()):
                seconds.add_metric((pipeline, stage), taken)
            for operator, taken in list(times.operators.items()):
                within.add_metric((pipeline, operator), taken)
        yield from (rows, reasons, seconds, within, steps)

    def _of_broker(self) -> Iterator[Metric]:
        now_us = self._clock()
        records = GaugeMetricFamily("hubbub_lag_records", "records between a group's place and the end", labels=_PLACE)
        waiting = GaugeMetricFamily("hubbub_lag_seconds", "how long the first of them has waited", labels=_PLACE)
        delay = GaugeMetricFamily(
            "hubbub_event_time_delay_seconds",
            "how far the highest event time that a group has seen lies behind the clock",
            labels=_PLACE,
        )
        for group in self._groups:
            for lag in lags_of(self._broker, group):
                place = (group, lag.part.topic, str(lag.part.partition))
                records.add_metric(place, lag.records)
                waiting.add_metric(place, lag.seconds(now_us))
            for part, at in self._broker.places(group).items():
                if (high_us := _event_time(at)) is not None:
                    delay.add_metric((group, part.topic, str(part.partition)), (now_us - high_us) / 1e6)
        alerts = GaugeMetricFamily("hubbub_alerts", "alerts that are not resolved", labels=("state", "severity"))
        for (state, severity), count in sorted(self._alerts.count().items()):
            alerts.add_metric((state, severity), count)
        yield from (records, waiting, delay, alerts)


def _event_time(at: Offset) -> int | None:
    try:
        return place_of(at, 0)[0].high_us
    except ValueError:
        return None  # an offset that another tool has set
