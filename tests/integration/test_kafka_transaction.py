"""Transactions by kafka-python's protocol: both versions of it, batches of any size, fences between producers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.broker import Fenced, Offset, TopicPartition
from infra.kafka.batch_writing import Content
from infra.kafka.broker import KafkaBroker
from infra.kafka.connection import KafkaConnection
from infra.kafka.settings import KafkaSection
from infra.kafka.transaction import Member, TransactionalProducer
from infra.local.kafka import LocalKafka
from schemas.device_logs import DEVICE_LOGS
from tests.broker_subject import LOGS, PARTS, everything
from tests.patience import ANSWER_S

NOBODY = Member("", -1, "", None)


@pytest.fixture
def broker(kafka: LocalKafka, topic_prefix: str, tmp_path: Path) -> Iterator[KafkaBroker]:
    section = KafkaSection(topic_prefix=topic_prefix, request_timeout_s=ANSWER_S, state_dir=str(tmp_path))
    with KafkaBroker(KafkaConnection.of(f"kafka://{kafka.bootstrap}", section)) as one:
        one.create_topics([DEVICE_LOGS])
        yield one


def producer(broker: KafkaBroker, name: str, protocol: int) -> TransactionalProducer:
    """A producer that speaks as it would to a cluster of this protocol; a newer cluster understands both."""
    made = TransactionalProducer(broker.connection, broker.connection.names.outer(name))
    assert made.protocol == 2
    made._second = protocol == 2
    return made


def outer(broker: KafkaBroker, number: int) -> TopicPartition:
    return TopicPartition(broker.connection.names.outer(LOGS), number)


@pytest.mark.parametrize("protocol", [1, 2])
def test_several_transactions_and_offsets(broker: KafkaBroker, protocol: int) -> None:
    one = producer(broker, "one", protocol)
    group = Member(broker.connection.names.outer("g"), -1, "", None)
    for step in range(3):
        records: dict[TopicPartition, list[Content]] = {
            outer(broker, number): [(b"k", b"%d" % step, (("h", b"\x00"),))] * 2 for number in (0, 1)
        }
        one.commit(records, {outer(broker, 5): Offset(step, f"note {step}")}, group)
    one.commit({}, {outer(broker, 5): Offset(9, "last")}, group)
    assert one.commit({}, {}, group) == {}
    one.close()
    for part in PARTS[:2]:
        assert everything(broker, part) == [(b"k", b"%d" % step) for step in (0, 0, 1, 1, 2, 2)]
    assert broker.committed("g", PARTS[5]) == Offset(9, "last")


@pytest.mark.parametrize("protocol", [1, 2])
def test_the_later_of_two_under_one_name_fences_the_earlier(broker: KafkaBroker, protocol: int) -> None:
    records: dict[TopicPartition, list[Content]] = {outer(broker, 0): [(b"k", b"v", ())]}
    earlier, later = producer(broker, "same", protocol), producer(broker, "same", protocol)
    with pytest.raises(Fenced):
        earlier.commit(records, {}, NOBODY)
    later.commit(records, {}, NOBODY)
    earlier.close()
    later.close()
    assert everything(broker, PARTS[0]) == [(b"k", b"v")]


def test_more_than_a_batch_may_hold_is_several_batches_of_one_transaction(broker: KafkaBroker) -> None:
    one = producer(broker, "large", 2)
    values = [bytes([number]) * 300_000 for number in range(11)] + [b"x" * 2_000_000, b"", b"end"]
    contents: list[Content] = [(b"k", value, ()) for value in values]
    assert one.commit({outer(broker, 2): contents}, {}, NOBODY) == {outer(broker, 2): 0}
    one.close()
    found: list[bytes | None] = []
    while records := broker.read(PARTS[2], len(found), max_records=99, max_bytes=1 << 30):
        found += [record.value for record in records]
    assert found == values
