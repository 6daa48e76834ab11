"""The second client (`[kafka] client = "confluent"`, extra `fast`) keeps every law that the first one keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from infra.broker import BrokerMismatch, BrokerRefused, Fenced, Offset, TopicPartition
from infra.kafka.broker import KafkaBroker
from infra.kafka.client import transactional_writer
from infra.kafka.confluent_transaction import ConfluentProducer
from infra.kafka.connection import KafkaConnection
from infra.kafka.settings import KafkaSection
from infra.kafka.transaction import Member
from infra.local.kafka import LocalKafka
from infra.settings import WrongSetting
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append
from tests.integration.test_kafka_broker import KafkaSubject
from tests.patience import ANSWER_S
from tests.secured_kafka import Right, SecuredKafka, set_rights

pytest.register_assert_rewrite("tests.broker_laws", "tests.membership_laws")
from tests.broker_laws import *  # noqa: E402, F403 - the laws are this module's tests
from tests.membership_laws import *  # noqa: E402, F403


@pytest.fixture
def subject(kafka: LocalKafka, topic_prefix: str, tmp_path: Path) -> Iterator[KafkaSubject]:
    one = KafkaSubject(kafka, topic_prefix, tmp_path / "state")
    one.section = msgspec.structs.replace(one.section, client="confluent")
    yield one
    for broker in one.brokers:
        broker.close()


@pytest.fixture
def made(kafka: LocalKafka, topic_prefix: str) -> Iterator[Callable[[str], ConfluentProducer]]:
    """Make producers, whose topics and ids begin with the test's prefix."""
    section = KafkaSection(client="confluent", transaction_timeout_s=ANSWER_S, request_timeout_s=ANSWER_S)
    connection = KafkaConnection.of(f"kafka://{kafka.bootstrap}", section)
    producers: list[ConfluentProducer] = []

    def make(name: str) -> ConfluentProducer:
        producers.append(ConfluentProducer(connection, topic_prefix + name))
        return producers[-1]

    yield make
    for producer in producers:
        producer.close()


@pytest.fixture
def part(kafka: LocalKafka, topic_prefix: str) -> TopicPartition:
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.create_topics([NewTopic(f"{topic_prefix}t", num_partitions=3, replication_factor=1)])
    admin.close()
    return TopicPartition(f"{topic_prefix}t", 2)


Make = Callable[[str], ConfluentProducer]
NOBODY = Member("", -1, "", None)


def test_the_first_offset_of_each_partition_is_told(made: Make, part: TopicPartition) -> None:
    producer = made("one")
    other = TopicPartition(part.topic, 0)
    assert producer.commit({part: [(b"k", b"v", ())] * 3, other: [(None, None, (("h", b""),))]}, {}, NOBODY) == {
        part: 0,
        other: 0,
    }
    # The marker of the first transaction stands between.
    assert producer.commit({part: [(b"k", b"v", ())]}, {}, NOBODY) == {part: 4}


def test_a_second_holder_of_an_id_fences_the_first(made: Make, part: TopicPartition) -> None:
    first = made("same")
    first.commit({part: [(b"k", b"v", ())]}, {}, NOBODY)
    second = made("same")
    with pytest.raises(Fenced, match="somebody else has taken over"):
        first.commit({part: [(b"k", b"v", ())]}, {}, NOBODY)
    second.commit({part: [(b"k", b"v", ())]}, {}, NOBODY)


def test_who_is_no_member_commits_nothing(made: Make, part: TopicPartition, topic_prefix: str) -> None:
    producer = made("one")
    stranger = Member(f"{topic_prefix}g", 7, "nobody", None)
    with pytest.raises(Fenced, match="ILLEGAL_GENERATION"):
        producer.commit({part: [(b"k", b"v", ())]}, {part: Offset(1, "note")}, stranger)


def test_with_another_proof_it_is_written_once_more_and_counts_once(
    kafka: LocalKafka, made: Make, part: TopicPartition, topic_prefix: str
) -> None:
    old, new = Member(f"{topic_prefix}g", 7, "nobody", None), Member(f"{topic_prefix}g", -1, "", None)
    asked: list[Member] = []

    def renew(member: Member) -> Member:
        asked.append(member)
        return new

    first = made("one").commit({part: [(b"k", b"v", ())]}, {part: Offset(1, "note")}, old, renew)
    assert asked == [old]
    with KafkaBroker(
        KafkaConnection.of(
            f"kafka://{kafka.bootstrap}", KafkaSection(topic_prefix=topic_prefix, request_timeout_s=ANSWER_S)
        )
    ) as broker:
        [record] = broker.read(TopicPartition("t", part.partition), 0, max_records=9, max_bytes=999)
    # Before it may lie the record that was given up, and the marker that says so, if they were sent by then.
    assert first == {part: record.offset} and record.offset <= 2


def test_a_record_that_the_topic_does_not_take_is_named(made: Make, part: TopicPartition) -> None:
    with pytest.raises(BrokerMismatch, match=r"produce to .*MSG_SIZE_TOO_LARGE"):
        made("one").commit({part: [(b"k", bytes(4 << 20), ())]}, {}, NOBODY)


def test_tls_a_password_and_rights(secured_kafka: SecuredKafka, topic_prefix: str) -> None:
    """The settings mean the same to this client; a right that is missing is named with its topic."""
    admin = {"topic_prefix": topic_prefix, "client": "confluent"}
    for mechanism, user in (("SCRAM-SHA-512", "admin"), ("PLAIN", "plain")):
        set_rights(secured_kafka.kafka, "plain", [Right("ALL", "TOPIC", "*"), Right("ALL", "TRANSACTIONAL_ID", "*")])
        with secured_kafka.open(user, sasl_mechanism=mechanism, **admin) as broker:
            broker.create_topics([DEVICE_LOGS])
            broker.append([Append("device.logs", b"d", b"{}")])
    set_rights(
        secured_kafka.kafka,
        "job",
        [
            Right("DESCRIBE", "TOPIC", f"{topic_prefix}device.logs"),
            Right("WRITE", "TRANSACTIONAL_ID", topic_prefix, prefixed=True),
        ],
    )
    with (
        secured_kafka.open("job", **admin) as broker,
        pytest.raises(BrokerRefused, match=rf"produce to {topic_prefix}device\.logs.*TOPIC_AUTHORIZATION_FAILED"),
    ):
        broker.append([Append("device.logs", b"d", b"{}")])
    set_rights(secured_kafka.kafka, "job", [Right("WRITE", "TOPIC", f"{topic_prefix}device.logs")])
    with (
        secured_kafka.open("job", **admin) as broker,
        pytest.raises(BrokerRefused, match="TRANSACTIONAL_ID_AUTHORIZATION_FAILED"),
    ):
        broker.append([Append("device.logs", b"d", b"{}")])


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.kafka.confluent_connection.importlib.util.find_spec", lambda name: None)
    connection = KafkaConnection.of("kafka://127.0.0.1", KafkaSection(client="confluent"))
    with pytest.raises(WrongSetting, match=r"pip install 'hubbub\[fast\]'"):
        transactional_writer(connection, "x")
