"""What a wire to Kafka makes of partitions that it does not find at first."""

from __future__ import annotations

import threading

import pytest

from infra.broker import BrokerMismatch
from infra.kafka import wire as kafka_wire
from infra.kafka.broker import KafkaBroker
from infra.kafka.connection import KafkaConnection
from infra.kafka.settings import KafkaSection
from infra.kafka.wire import KafkaWire
from infra.local.kafka import LocalKafka
from schemas.device_logs import DEVICE_LOGS
from tests.patience import ANSWER_S, PATIENCE_S


def connection(kafka: LocalKafka, prefix: str) -> KafkaConnection:
    return KafkaConnection.of(
        f"kafka://{kafka.bootstrap}", KafkaSection(topic_prefix=prefix, request_timeout_s=ANSWER_S)
    )


def test_waits_for_a_topic_that_is_being_made(
    kafka: LocalKafka, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another broker may have heard of it already: whoever asks too early must not be told that it does not exist."""
    monkeypatch.setattr(kafka_wire, "_NEWS_TRAVEL_S", PATIENCE_S)  # however long making it takes
    wanted = (f"{topic_prefix}{DEVICE_LOGS.name}", 0)
    asked, found = threading.Event(), []
    wire = KafkaWire(connection(kafka, topic_prefix))

    def ask() -> None:
        wire.partitions([wanted[0]])
        asked.set()
        found.append(wire.leaders([wanted]))

    asking = threading.Thread(target=ask)
    with KafkaBroker(connection(kafka, topic_prefix)) as broker:
        asking.start()
        assert asked.wait(PATIENCE_S)
        broker.create_topics([DEVICE_LOGS])
        asking.join(PATIENCE_S)
    wire.close()
    assert [list(one) for one in found] == [[wanted]]


def test_names_a_partition_that_does_not_come(
    kafka: LocalKafka, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_wire, "_NEWS_TRAVEL_S", 0.1)
    wire = KafkaWire(connection(kafka, topic_prefix))
    with pytest.raises(BrokerMismatch, match="no partition 0 of topic 'nowhere'"):
        wire.leaders([("nowhere", 0)])
    wire.close()
