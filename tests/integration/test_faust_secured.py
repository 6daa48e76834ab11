"""Faust workers where TLS, a password and rights are asked for: the same answers, no more rights than the docs say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import orjson
import pytest

from infra.broker import BrokerMismatch, BrokerRefused, BrokerUnavailable, TopicPartition
from infra.kafka.broker import KafkaBroker
from infra.kafka.connection import KafkaConnection
from infra.kafka.settings import KafkaSection
from infra.local.kafka import LocalKafka
from pipelines.engines.faust.engine import FaustEngine
from pipelines.engines.graph import topics_of
from pipelines.engines.job_settings import JobSettings
from schemas.record import Append
from tests.broker_subject import eventually
from tests.jobs.counting import COUNTS
from tests.patience import ANSWER_S, PATIENCE_S
from tests.secured_kafka import Authority, Right, SecuredKafka, set_rights, tls_properties

MEMORY = "hubbub-counts-faust-memory-changelog"
DEVICES, EACH = 5, 12


def rights_of(prefix: str) -> list[Right]:
    """What docs/engines.md says that a Faust worker needs."""
    reads = [Right("READ", "TOPIC", prefix + name) for name in ("device.logs", MEMORY)]
    writes = ("test.numbered", "dead.letters", "hubbub.ticks", MEMORY)
    group = Right("READ", "GROUP", f"{prefix}hubbub-counts-faust")
    return [*reads, *(Right("WRITE", "TOPIC", prefix + name) for name in writes), group]


def fill(broker: KafkaBroker) -> None:
    """Make the topics, and write lines of some devices and one that is no JSON."""
    broker.create_topics(topics_of([COUNTS]))
    lines = [Append("device.logs", f"d{i % DEVICES}".encode(), b'{"message": "m"}') for i in range(DEVICES * EACH)]
    broker.append([*lines, Append("device.logs", b"d1", b"{")])


def check(broker: KafkaBroker) -> None:
    """Each line came out once, with its number; the one that is none is a dead letter."""
    assert eventually(lambda: broker.settled(["test.numbered", "dead.letters"]))
    found = Counter(
        orjson.loads(record.value or b"")["number"]
        for number in range(8)
        for record in broker.read(TopicPartition("test.numbered", number), 0, max_records=999, max_bytes=1 << 20)
    )
    assert found == dict.fromkeys(range(1, EACH + 1), DEVICES)
    letters = [TopicPartition("dead.letters", number) for number in range(8)]
    assert sum(len(broker.read(part, 0, max_records=99, max_bytes=1 << 20)) for part in letters) == 1


def test_a_worker_needs_the_rights_that_the_docs_name(secured_kafka: SecuredKafka, topic_prefix: str) -> None:
    """Without one of them it stops and says so; with all of them nothing was lost by that, or done twice."""

    def work(rights: list[Right]) -> None:
        set_rights(secured_kafka.kafka, "job", rights)
        with secured_kafka.open("job", topic_prefix=topic_prefix) as broker:
            FaustEngine(broker, JobSettings(batch_records=7), recovery_s=PATIENCE_S).run([COUNTS], until_end=True)

    rights = [*rights_of(topic_prefix), Right("CREATE", "TOPIC", topic_prefix + MEMORY)]
    with secured_kafka.open("admin", topic_prefix=topic_prefix) as admin:
        fill(admin)
        for missing in ("device.logs", "test.numbered", "hubbub-counts-faust"):
            with pytest.raises((BrokerRefused, BrokerMismatch), match=missing):
                work([one for one in rights if one.name != topic_prefix + missing])
        work(rights)
        check(admin)


def test_a_wrong_password_is_refused_before_any_worker_starts(secured_kafka: SecuredKafka, topic_prefix: str) -> None:
    with pytest.raises(BrokerRefused, match="job"):
        secured_kafka.open("job", "no-password", topic_prefix=topic_prefix)


@pytest.mark.slow
def test_client_certificates_are_all_it_needs(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    keystore, client = authority.issue("broker", hosts=["127.0.0.1"]), str(authority.issue("client"))
    properties = tls_properties(keystore, authority.file, client_certificates=True)
    section = KafkaSection(
        security_protocol="SSL",
        ssl_cafile=str(authority.file),
        state_dir=str(tmp_path / "state"),
        request_timeout_s=ANSWER_S,
    )
    ours = msgspec.structs.replace(section, ssl_certfile=client, ssl_keyfile=client)
    with LocalKafka(tmp_path / "kafka", protocol="SSL", properties=properties) as kafka:
        url = f"kafka://{kafka.bootstrap}"
        with KafkaBroker(KafkaConnection.of(url, ours)) as broker:
            fill(broker)
            FaustEngine(broker, JobSettings(batch_records=7)).run([COUNTS], until_end=True)
            check(broker)
        with pytest.raises((BrokerRefused, BrokerUnavailable), match="certificate"):
            KafkaBroker(KafkaConnection.of(url, section))
