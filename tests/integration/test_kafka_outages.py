"""Kafka goes away and comes back, stands still, changes under a job: typed errors in time, then all goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from infra.broker import Broker, BrokerAway, BrokerMismatch, TopicPartition
from infra.kafka import broker as kafka_broker
from infra.kafka.broker import KafkaBroker
from infra.kafka.connection import KafkaConnection
from infra.kafka.settings import KafkaSection
from infra.local.kafka import LocalKafka
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.graph import topics_of
from pipelines.engines.job_settings import JobSettings
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append
from tests.broker_subject import LOGS, PARTS, eventually, everything
from tests.jobs.fragile import COPY
from tests.live_job import live_job
from tests.patience import ADMIN
from tests.patient_kafka import patient_broker

TIMEOUT_S = 1.0
NEVER_S = 36_000.0
ROW = Append(LOGS, b"k", b"v", partition=0)
ASKED: dict[str, Callable[[Broker], object]] = {
    "topics": lambda broker: broker.topics(),
    "bounds": lambda broker: broker.bounds(PARTS[0]),
    "ends": lambda broker: broker.ends([LOGS]),
    "written": lambda broker: broker.written([LOGS]),
    "settled": lambda broker: broker.settled([LOGS]),
    "read": lambda broker: broker.read(PARTS[0], 1, max_records=9, max_bytes=999),
    "offset_at": lambda broker: broker.offset_at(PARTS[0], 0),
    "append": lambda broker: broker.append([ROW]),
    "progress": lambda broker: broker.progress("w:x"),
    "append with progress": lambda broker: broker.append([ROW], progress=("w:x", 2)),
    "committed": lambda broker: broker.committed("g", PARTS[0]),
    "places": lambda broker: broker.places("g"),
    "groups": lambda broker: broker.groups(),
}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """A broker that these tests may stop."""
    with LocalKafka(tmp_path_factory.mktemp("own")) as local:
        yield local


@pytest.fixture
def broker(own: LocalKafka, topic_prefix: str) -> Iterator[KafkaBroker]:
    section = KafkaSection(topic_prefix=topic_prefix, request_timeout_s=TIMEOUT_S)
    connection = KafkaConnection.of(f"kafka://{own.bootstrap}", section)
    opened: list[KafkaBroker] = []

    def is_let_in() -> bool:
        try:
            opened.append(KafkaBroker(connection))
        except BrokerAway:
            return False
        return True

    # Every connection is there before it breaks; on a busy machine a second may be too short for an answer.
    assert eventually(is_let_in)
    with opened[0] as one:
        assert eventually(lambda: all_answer(one))
        yield one


def all_say_away(broker: KafkaBroker) -> None:
    for name, ask in ASKED.items():
        try:
            answer = ask(broker)
        except BrokerAway as error:
            assert str(error).startswith("kafka://127.0.0.1:"), name
        else:
            pytest.fail(f"{name} answered {answer!r} by a broker that is away")


def all_answer(broker: KafkaBroker) -> bool:
    try:
        broker.create_topics([DEVICE_LOGS])
        broker.append([ROW], progress=("w:x", 1))
        for ask in ASKED.values():
            ask(broker)
    except BrokerAway:
        return False
    return True


def test_a_broker_that_is_killed_is_away_and_then_back(own: LocalKafka, broker: KafkaBroker) -> None:
    own.kill()
    all_say_away(broker)
    broker_waits = pytest.raises(BrokerAway)
    with broker_waits:
        broker.wait(0.5)
        broker.wait(0.5)
        broker.ends([LOGS])
    own.start()
    assert eventually(lambda: all_answer(broker))
    # What was promised is there, and nothing twice: each round of questions wrote two rows, or said that it did not.
    assert broker.progress("w:x") == 2
    assert {record[1] for record in everything(broker, PARTS[0])} == {b"v"}


def test_a_broker_that_stands_still_is_away_and_then_back(own: LocalKafka, broker: KafkaBroker) -> None:
    own.pause()
    try:
        all_say_away(broker)
    finally:
        own.resume()
    assert eventually(lambda: all_answer(broker))


def test_a_changed_number_of_partitions_is_named(
    own: LocalKafka, broker: KafkaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_broker, "RECHECK_S", 0.0)
    assert eventually(lambda: all_answer(broker))
    admin = KafkaAdminClient(bootstrap_servers=own.bootstrap)
    admin.create_partitions({broker.connection.names.outer(LOGS): 9})

    def noticed() -> bool:
        try:
            broker.ends([LOGS])
        except BrokerAway:
            return False
        except BrokerMismatch as error:
            assert "topic device.logs has 9 partitions" in str(error)
            assert "and had 8" in str(error)
            return True
        return False

    assert eventually(noticed)
    admin.delete_topics([broker.connection.names.outer(LOGS)])
    admin.close()

    def gone() -> bool:
        try:
            broker.ends([LOGS])
        except BrokerAway:
            return False
        except BrokerMismatch as error:
            return "topic device.logs is gone" in str(error)
        return False

    assert eventually(gone)


def test_a_running_job_stops_when_its_topic_gets_more_partitions(
    kafka: LocalKafka, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys would lie elsewhere from then on, away from their memory."""
    monkeypatch.setattr(kafka_broker, "RECHECK_S", 0.1)
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap, **ADMIN)
    with patient_broker(kafka, topic_prefix, tmp_path / "state") as broker:
        broker.create_topics(topics_of([COPY]))
        broker.append([ROW])  # no JSON: the job tells of it in a dead letter
        letters = [TopicPartition("dead.letters", number) for number in range(broker.partitions("dead.letters"))]
        with (
            pytest.raises(BrokerMismatch, match=r"topic device\.logs has 9 partitions"),
            live_job(EmbeddedEngine(broker, JobSettings()), [COPY]) as job,
        ):
            job.await_that(lambda: any(broker.bounds(part)[1] for part in letters))
            admin.create_partitions({broker.connection.names.outer(LOGS): 9})
            job.await_that(lambda: False)  # what the job raises ends it
    admin.close()


def test_who_comes_while_nobody_is_there_hears_it_soon(own: LocalKafka, tmp_path: Path) -> None:
    own.kill()
    try:
        # Who waited for its time, longer than a test may take, would not be told so.
        section = KafkaSection(request_timeout_s=NEVER_S)
        with pytest.raises(BrokerAway, match="nobody answers"):
            KafkaBroker(KafkaConnection.of(f"kafka://{own.bootstrap}", section))
    finally:
        own.start()
