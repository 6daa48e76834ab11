"""Apache Kafka keeps the laws of a broker's log: the same as tests/contract/test_brokers.py, on a real cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka import TopicPartition as KafkaPart
from kafka.admin import ConfigResource, ConfigResourceType

from infra.broker import Broker, TopicPartition
from infra.kafka import broker as kafka_broker
from infra.kafka.broker import KafkaBroker
from infra.kafka.connection import KafkaConnection
from infra.kafka.settings import KafkaSection
from infra.kafka.wire import KafkaWire
from infra.local.kafka import LocalKafka
from schemas.alerts import ALERTS
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append
from tests.patience import ANSWER_S, PATIENCE_S

pytest.register_assert_rewrite("tests.broker_laws", "tests.membership_laws")
from tests.broker_laws import *  # noqa: E402, F403 - the laws are this module's tests
from tests.broker_subject import LOGS, PARTS, all_records, eventually, lines  # noqa: E402
from tests.membership_laws import *  # noqa: E402, F403


class KafkaSubject:
    """What lies under one prefix of a real cluster."""

    def __init__(self, kafka: LocalKafka, prefix: str, state_dir: Path) -> None:
        self.kafka = kafka
        self.prefix = prefix
        # No law waits for a session to end, so none need end by itself.
        self.section = KafkaSection(
            topic_prefix=prefix,
            state_dir=str(state_dir),
            session_timeout_s=ANSWER_S,
            transaction_timeout_s=ANSWER_S,
            request_timeout_s=ANSWER_S,
        )
        self.brokers: list[KafkaBroker] = []

    def open(self) -> KafkaBroker:
        url = f"kafka://{self.kafka.bootstrap}"
        self.brokers.append(KafkaBroker(KafkaConnection.of(url, self.section)))
        return self.brokers[-1]

    def turn_to(self, seconds: int) -> None:
        """The cluster's clock goes its own way: wait for its next millisecond."""
        now_ms = time.time_ns() // 1_000_000
        while time.time_ns() // 1_000_000 == now_ms:
            pass

    def age(self, broker: Broker) -> None:
        """Do at once what retention and compaction do after days: move the log's start, clean up behind its end."""
        admin = KafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        try:
            admin.delete_records({KafkaPart(f"{self.prefix}{LOGS}", part.partition): -1 for part in PARTS})
            self._compact(admin, broker)
        finally:
            admin.close()

    def _compact(self, admin: KafkaAdminClient, broker: Broker) -> None:
        part = TopicPartition(ALERTS.name, 0)
        if broker.bounds(part) == (0, 0):
            return
        # The end of a transaction, which comes milliseconds after its records, closes the segment that they lie in.
        topic = {"segment.ms": "1", "min.cleanable.dirty.ratio": "0", "max.compaction.lag.ms": "1"}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, f"{self.prefix}{ALERTS.name}", topic)])
        often = {"log.cleaner.backoff.ms": "100"}
        admin.alter_configs([ConfigResource(ConfigResourceType.BROKER, "1", often)])
        broker.append([Append(ALERTS.name, b"closes", b"the segment", partition=0)])
        with self.open() as reader:
            assert eventually(lambda: _each_key_once(reader, part)), "the cleaner did not come"


def _each_key_once(broker: Broker, part: TopicPartition) -> bool:
    keys = [record.key for record in all_records(broker, part)]
    return len(keys) == len(set(keys))


@pytest.fixture
def subject(kafka: LocalKafka, topic_prefix: str, tmp_path: Path) -> Iterator[KafkaSubject]:
    one = KafkaSubject(kafka, topic_prefix, tmp_path / "state")
    yield one
    for broker in one.brokers:
        broker.close()


def test_one_question_tells_the_ends_and_brings_what_is_new(
    subject: KafkaSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_broker, "RECHECK_S", PATIENCE_S)  # which would be a question more, now and then
    broker, other = subject.open(), subject.open()
    broker.create_topics([DEVICE_LOGS])
    for part in PARTS:
        assert broker.read(part, 0, max_records=9, max_bytes=9999) == []
    other.append(lines("a", "b", "c", "d"))
    asked: list[object] = []
    for name in ("ask", "begin"):
        monkeypatch.setattr(KafkaWire, name, _noting(asked, getattr(KafkaWire, name)))
    ends = broker.ends([LOGS])
    found = {part: broker.read(part, 0, max_records=9, max_bytes=9999) for part in PARTS if ends[part]}
    assert sorted(record.key or b"" for records in found.values() for record in records) == [b"a", b"b", b"c", b"d"]
    # Behind the records lie the markers of their transaction: nothing is left to read, and that is known.
    assert broker.ends([LOGS]) == {part: len(found.get(part, ())) for part in PARTS}
    assert len(asked) == 2, asked


def test_a_connection_that_breaks_under_that_question_is_made_again(
    subject: KafkaSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, other = subject.open(), subject.open()
    broker.create_topics([DEVICE_LOGS])
    for part in PARTS:
        assert broker.read(part, 0, max_records=9, max_bytes=9999) == []
    other.append(lines("a", "b", "c", "d"))
    begin = KafkaWire.begin
    broken: list[Any] = []

    def breaking(wire: KafkaWire, request: Any, node: Any) -> Any:
        future = begin(wire, request, node)
        if not broken:
            broken.append(node)
            wire._manager.close(node)
        return future

    monkeypatch.setattr(KafkaWire, "begin", breaking)
    ends = broker.ends([LOGS])
    assert broken
    found = [record.key for part in PARTS if ends[part] for record in all_records(broker, part)]
    assert sorted(filter(None, found)) == [b"a", b"b", b"c", b"d"]


def _noting(asked: list[object], send: Callable[..., Any]) -> Callable[..., Any]:
    def noting(wire: KafkaWire, request: object, *others: Any, **named: Any) -> Any:
        asked.append(request)
        return send(wire, request, *others, **named)

    return noting
