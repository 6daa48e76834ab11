"""Users and their rights (S2): a job needs exactly these rights, and says which one is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from infra.broker import BrokerAway, BrokerMismatch, BrokerRefused, TopicPartition
from infra.kafka_broker import KafkaBroker
from infra.kafka_connection import KafkaConnection
from infra.kafka_settings import KafkaSection
from infra.local_kafka import LocalKafka
from infra.secret import Secret
from pipelines.engines.embedded_engine import EmbeddedEngine, topics_of
from schemas.record import Append
from tests.jobs.counting import COUNTS
from tests.secured_kafka import Authority, Right, add_user, set_rights, tls_properties, user_properties

# What docs/kafka.md says that a job needs; the memory's topic may also be made beforehand.
MEMORY = "hubbub.state.hubbub-counts"
RIGHTS = (
    Right("READ", "TOPIC", "device.logs"),
    Right("WRITE", "TOPIC", "test.numbered"),
    Right("WRITE", "TOPIC", "dead.letters"),
    Right("WRITE", "TOPIC", "hubbub.ticks"),
    Right("READ", "TOPIC", MEMORY),
    Right("WRITE", "TOPIC", MEMORY),
    Right("CREATE", "TOPIC", MEMORY),
    Right("READ", "GROUP", "hubbub-counts"),
    Right("WRITE", "TRANSACTIONAL_ID", "hubbub-counts-", prefixed=True),
)
ALL = [Right("ALL", kind, "*") for kind in ("TOPIC", "GROUP", "TRANSACTIONAL_ID")]
# A job to the end of its input writes no ticks, so it would not notice that it may not.
USED = [one for one in RIGHTS if one.resource == "TOPIC" and one.operation != "CREATE" and one.name != "hubbub.ticks"]


@dataclass
class Cluster:
    """A broker with users `admin`, who may everything, and `job`."""

    kafka: LocalKafka
    authority: Authority
    state: Path
    rows: int = 0

    def open(self, user: str, password: str | None = None, **settings: object) -> KafkaBroker:
        section = KafkaSection(
            security_protocol="SASL_SSL",
            username=user,
            password=Secret(password or f"{user}-password", "HUBBUB_KAFKA_PASSWORD"),
            ssl_cafile=str(self.authority.file),
            state_dir=str(self.state),
            request_timeout_s=5.0,
            transaction_timeout_s=5.0,
        )
        section = msgspec.structs.replace(section, **settings)
        return KafkaBroker(KafkaConnection.of(f"kafka://{self.kafka.bootstrap}", section))

    def send(self) -> None:
        """Write five rows, and a line that is no JSON and becomes a dead letter."""
        with self.open("admin") as broker:
            rows = [Append("device.logs", f"d{i}".encode(), b'{"message": "hello"}') for i in range(5)]
            broker.append([*rows, Append("device.logs", b"d1", b"{")])
        self.rows += 6

    def work(self, rights: Sequence[Right]) -> None:
        """Run a job to the end of its input as the user `job`, with these rights alone."""
        set_rights(self.kafka, "job", rights)
        with self.open("job") as broker:
            EmbeddedEngine(broker).run([COUNTS], until_end=True)

    def done(self) -> int:
        """Count what has come of the rows: each is in the output or among the dead letters."""
        with self.open("admin") as broker:
            parts = [TopicPartition(name, number) for name in ("test.numbered", "dead.letters") for number in range(8)]
            return sum(len(broker.read(part, 0, max_records=10_000, max_bytes=1 << 24)) for part in parts)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("rights")
    authority = Authority(folder)
    properties = tls_properties(authority.issue("broker", hosts=["127.0.0.1"]), authority.file)
    properties |= user_properties({"plain": "plain-password"})
    with LocalKafka(folder, protocol="SASL_SSL", properties=properties) as kafka:
        one = Cluster(kafka, authority, folder / "state")
        for user in ("admin", "job"):
            add_user(kafka, user, f"{user}-password")
        set_rights(kafka, "admin", ALL)
        with one.open("admin") as broker:
            broker.create_topics(topics_of([COUNTS]))
        one.send()
        one.work(RIGHTS)  # makes the topic of the memory
        yield one


def test_a_job_needs_no_other_rights(cluster: Cluster) -> None:
    """The first run, above, made the topic of its memory; the next needs no right to make anything."""
    assert cluster.done() == cluster.rows
    cluster.send()
    cluster.work([right for right in RIGHTS if right.operation != "CREATE"])
    assert cluster.done() == cluster.rows


@pytest.mark.parametrize("missing", [right for right in RIGHTS if right.operation != "CREATE"], ids=str)
def test_without_one_right_the_job_stops_and_names_what_it_may_not_use(cluster: Cluster, missing: Right) -> None:
    cluster.send()
    with pytest.raises((BrokerRefused, BrokerMismatch), match=missing.name) as error:
        cluster.work([right for right in RIGHTS if right not in (missing, Right("CREATE", "TOPIC", MEMORY))])
    said = str(error.value)
    assert "Authorization" in said or "user 'job' (SCRAM-SHA-512) has no right to see it" in said


@pytest.mark.slow
@pytest.mark.parametrize("missing", USED, ids=str)
def test_who_sees_a_topic_and_may_not_use_it_is_refused_by_its_name(cluster: Cluster, missing: Right) -> None:
    cluster.send()
    rights = [right for right in RIGHTS if right != missing] + [Right("DESCRIBE", "TOPIC", missing.name)]
    with pytest.raises(BrokerRefused, match=f"{missing.name}.*Authorization"):
        cluster.work(rights)


def test_nothing_was_lost_or_doubled_meanwhile(cluster: Cluster) -> None:
    cluster.send()
    cluster.work(RIGHTS)
    assert cluster.done() == cluster.rows


def test_a_wrong_password_is_refused_at_once(cluster: Cluster) -> None:
    with pytest.raises(
        BrokerRefused, match=r"does not know user 'job' \(SCRAM-SHA-512\), or not by this password"
    ) as e:
        cluster.open("job", "wrong-password")
    assert "wrong-password" not in str(e.value)
    with pytest.raises(BrokerRefused, match="does not know user 'nobody'"):
        cluster.open("nobody")


def test_plain_works_within_tls(cluster: Cluster) -> None:
    set_rights(cluster.kafka, "plain", [Right("DESCRIBE", "TOPIC", "device.logs")])
    with cluster.open("plain", sasl_mechanism="PLAIN") as broker:
        assert broker.topics() == {"device.logs": 8}
    with pytest.raises(BrokerRefused, match="does not know user 'plain'"):
        cluster.open("plain", "wrong", sasl_mechanism="PLAIN")


def test_who_names_no_user_is_told_that_one_may_be_expected(cluster: Cluster) -> None:
    with pytest.raises(BrokerAway, match=r"it may expect a user: kafka\.security_protocol is SSL"):
        cluster.open("job", security_protocol="SSL")
