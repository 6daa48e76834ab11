"""What the broker says of groups, as Prometheus metrics, for every process that is watched; and whether it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric

from infra.broker import Broker, BrokerMismatch, BrokerRefused, BrokerUnavailable
from pipelines.lag import lags_of
from pipelines.version import VERSION

AWAY: Final = (BrokerUnavailable, BrokerMismatch, BrokerRefused)
PLACE: Final = ("group", "topic", "partition")


def broker_trouble(broker: Broker) -> str | None:
    """Say why the broker cannot be asked; None when it answers."""
    try:
        broker.topics()
    except AWAY as error:
        return str(error)
    return None


def this_hubbub() -> Metric:
    """Say which hubbub this is."""
    return InfoMetricFamily("hubbub_job", "which hubbub this is", value={"version": VERSION})


def of_broker(asked: Callable[[], Iterator[Metric]]) -> Iterator[Metric]:
    """Give what is asked of the broker as long as it answers, whether it did, and which hubbub this is."""
    yield this_hubbub()
    up = 1.0
    try:
        yield from asked()
    except AWAY:
        up = 0.0
    yield GaugeMetricFamily("hubbub_broker_up", "1 when the broker answered this scrape", value=up)


def lag_metrics(broker: Broker, groups: Iterable[str], now_us: int) -> Iterator[Metric]:
    """Give what lies before each group, and how long the first of it has waited."""
    records = GaugeMetricFamily("hubbub_lag_records", "records between a group's place and the end", labels=PLACE)
    waiting = GaugeMetricFamily("hubbub_lag_seconds", "how long the first of them has waited", labels=PLACE)
    for group in groups:
        for lag in lags_of(broker, group):
            place = (group, lag.part.topic, str(lag.part.partition))
            records.add_metric(place, lag.records)
            waiting.add_metric(place, lag.seconds(now_us))
    yield from (records, waiting)
