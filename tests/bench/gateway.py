"""Sends events as a gateway of devices does: on Kafka by kafka-python's own producer, without transactions."""

from __future__ import annotations

from collections.abc import Callable

from infra.broker import Broker
from schemas.record import Append


def sender(broker: Broker, where: list[str]) -> Callable[[list[Append]], object]:
    """Return what sends records; `where` is (url, prefix, ...) of a Kafka, empty for an embedded broker."""
    if not where:
        return broker.append
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=where[0].removeprefix("kafka://"), acks="all", linger_ms=2)

    def send(records: list[Append]) -> None:
        for one in records:
            producer.send(where[1] + one.topic, key=one.key, value=one.value)

    return send
