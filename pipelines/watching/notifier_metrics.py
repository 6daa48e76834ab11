"""What a notifier tells Prometheus: what it told whom, what failed, and how long somebody has waited to be told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from infra.broker import Broker
from pipelines.notify.notifier import GROUP, Notifier
from pipelines.watching.broker_metrics import lag_metrics, of_broker

_RECEIVER = ("receiver",)


class NotifierMetrics(Collector):
    """The metrics of one notifier; docs/watching.md describes each. `clock` gives microseconds since 1970."""

    def __init__(
        self, notifier: Notifier, broker: Broker, clock: Callable[[], int] = lambda: time.time_ns() // 1000
    ) -> None:
        """Nothing is asked of the broker before the first scrape."""
        self._notifier = notifier
        self._broker = broker
        self._clock = clock

    def describe(self) -> Iterator[Metric]:
        """Describe nothing beforehand: registering must not ask the broker."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Give all metrics; lag is left out while the broker is away, and `hubbub_broker_up` is 0."""
        telling = float(self._notifier.is_telling)
        yield GaugeMetricFamily("hubbub_notifier_telling", "1: it tells people; 0: another one does", value=telling)
        yield from self._done()
        yield from self._waiting()
        yield from of_broker(lambda: lag_metrics(self._broker, (GROUP,), self._clock()))

    def _done(self) -> Iterator[Metric]:
        decided = CounterMetricFamily(
            "hubbub_notifications", "notifications that were decided, by why", labels=("receiver", "reason")
        )
        tries = CounterMetricFamily(
            "hubbub_notification_tries", "tries to send one, by what came of it", labels=("receiver", "outcome")
        )
        retries = CounterMetricFamily("hubbub_notification_retries", "tries that were not the first", labels=_RECEIVER)
        deeds = self._notifier.deeds
        for (receiver, reason), count in sorted(deeds.decided.copy().items()):
            decided.add_metric((receiver, reason), count)
        for receiver in self._notifier.receivers:
            for outcome in ("delivered", "failed", "given_up"):  # also what has not happened yet, so that it can rise
                tries.add_metric((receiver, outcome), deeds.tries[receiver, outcome])
            retries.add_metric((receiver,), deeds.retries[receiver])
        yield from (decided, tries, retries)

    def _waiting(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "hubbub_notifications_waiting", "decided, and neither delivered nor given up", labels=_RECEIVER
        )
        oldest = GaugeMetricFamily(
            "hubbub_notifications_oldest_seconds", "how long the oldest of them has waited", labels=_RECEIVER
        )
        held = GaugeMetricFamily(
            "hubbub_notification_groups_held", "groups that wait for a digest: too much was told", labels=_RECEIVER
        )
        alerts = GaugeMetricFamily("hubbub_notifier_alerts", "alerts that fire and it knows of", labels=("severity",))
        standing, now_us = self._notifier.standing(), self._clock()
        for receiver in self._notifier.receivers:
            since = [one.decided_us for one in standing.waiting if one.receiver == receiver]
            waiting.add_metric((receiver,), len(since))
            oldest.add_metric((receiver,), max(now_us - min(since, default=now_us), 0) / 1e6)
            held.add_metric((receiver,), standing.held[receiver])
        for severity, count in sorted(standing.firing.items()):
            alerts.add_metric((severity,), count)
        yield from (waiting, oldest, held, alerts)
