"""What a server of alerts tells Prometheus: how old that is which it shows, and what it was asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipelines.watching.broker_metrics import this_hubbub

if TYPE_CHECKING:
    from pipelines.serve.follower import Follower


class ServedMetrics(Collector):
    """The metrics of `hubbub serve` and `hubbub console`; `requests` counts answers by (route, status)."""

    def __init__(self, follower: Follower, requests: Counter[tuple[str, str]]) -> None:
        self._follower = follower
        self._requests = requests

    def describe(self) -> Iterator[Metric]:
        """Describe nothing beforehand."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Give all metrics; the broker is not asked."""
        yield this_hubbub()
        yield GaugeMetricFamily(
            "hubbub_follower_age_seconds",
            "how long ago all that lay in the topics was known here",
            value=self._follower.age_s(),
        )
        yield GaugeMetricFamily(
            "hubbub_http_streams", "clients that listen for changes", value=self._follower.listeners
        )
        requests = CounterMetricFamily(
            "hubbub_http_requests", "answered requests, those that were refused too", labels=("route", "status")
        )
        for (route, status), count in sorted(self._requests.copy().items()):
            requests.add_metric((route, status), count)
        yield requests
