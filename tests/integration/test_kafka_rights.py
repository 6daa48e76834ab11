"""Users and their rights (S2): a job needs exactly these rights, and says which one is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from infra.broker import BrokerAway, BrokerMismatch, BrokerRefused, TopicPartition
from infra.kafka.broker import KafkaBroker
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.graph import topics_of
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append
from tests.broker_subject import eventually
from tests.jobs.counting import COUNTS
from tests.secured_kafka import Right, SecuredKafka, set_rights

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
# A job to the end of its input writes no ticks, so it would not notice that it may not.
USED = [one for one in RIGHTS if one.resource == "TOPIC" and one.operation != "CREATE" and one.name != "hubbub.ticks"]


@dataclass
class Job:
    """A job on a broker with rights: its user is `job`."""

    secured: SecuredKafka
    rows: int = 0

    def send(self) -> None:
        """Write five rows, and a line that is no JSON and becomes a dead letter."""
        with self.secured.open("admin") as broker:
            rows = [Append("device.logs", f"d{i}".encode(), b'{"message": "hello"}') for i in range(5)]
            broker.append([*rows, Append("device.logs", b"d1", b"{")])
        self.rows += 6

    def work(self, rights: Sequence[Right]) -> None:
        """Run a job to the end of its input as the user `job`, with these rights alone."""
        set_rights(self.secured.kafka, "job", rights)
        with self.secured.open("job") as broker:
            EmbeddedEngine(broker).run([COUNTS], until_end=True)

    def done(self) -> int:
        """Count what has come of the rows: each is in the output or among the dead letters."""
        with self.secured.open("admin") as broker:
            topics = ["test.numbered", "dead.letters"]
            assert eventually(lambda: broker.settled(topics))
            parts = [TopicPartition(name, number) for name in topics for number in range(8)]
            return sum(len(broker.read(part, 0, max_records=10_000, max_bytes=1 << 24)) for part in parts)


@pytest.fixture(scope="module")
def job(secured_kafka: SecuredKafka) -> Job:
    one = Job(secured_kafka)
    with secured_kafka.open("admin") as broker:
        broker.create_topics(topics_of([COUNTS]))
    one.send()
    one.work(RIGHTS)  # makes the topic of the memory
    return one


def test_a_job_needs_no_other_rights(job: Job) -> None:
    """The first run, above, made the topic of its memory; the next needs no right to make anything."""
    assert job.done() == job.rows
    job.send()
    job.work([right for right in RIGHTS if right.operation != "CREATE"])
    assert job.done() == job.rows


@pytest.mark.parametrize("missing", [right for right in RIGHTS if right.operation != "CREATE"], ids=str)
def test_without_one_right_the_job_stops_and_names_what_it_may_not_use(job: Job, missing: Right) -> None:
    job.send()
    with pytest.raises((BrokerRefused, BrokerMismatch), match=missing.name) as error:
        job.work([right for right in RIGHTS if right not in (missing, Right("CREATE", "TOPIC", MEMORY))])
    said = str(error.value)
    assert "Authorization" in said or "user 'job' (SCRAM-SHA-512) has no right to see it" in said


@pytest.mark.slow
@pytest.mark.parametrize("missing", USED, ids=str)
def test_who_sees_a_topic_and_may_not_use_it_is_refused_by_its_name(job: Job, missing: Right) -> None:
    job.send()
    rights = [right for right in RIGHTS if right != missing] + [Right("DESCRIBE", "TOPIC", missing.name)]
    with pytest.raises(BrokerRefused, match=f"{missing.name}.*Authorization"):
        job.work(rights)


def test_who_makes_topics_who_writes_and_who_reads_need_no_more_than_the_docs_say(
    secured_kafka: SecuredKafka, topic_prefix: str
) -> None:
    logs, progress, writes = (topic_prefix + name for name in ("device.logs", "hubbub.progress", "hubbub.append."))

    def as_job(*rights: Right) -> KafkaBroker:
        set_rights(secured_kafka.kafka, "job", rights)
        return secured_kafka.open("job", topic_prefix=topic_prefix)

    with as_job(*(Right(one, "TOPIC", topic_prefix, prefixed=True) for one in ("CREATE", "DESCRIBE"))) as broker:
        broker.create_topics([DEVICE_LOGS])
    rights = [Right("WRITE", "TOPIC", logs), Right("READ", "TOPIC", progress), Right("WRITE", "TOPIC", progress)]
    with as_job(*rights, Right("WRITE", "TRANSACTIONAL_ID", writes, prefixed=True)) as broker:
        [(partition, offset)] = broker.append([Append("device.logs", b"d", b"{}")], progress=("file:abc", 1))
        assert broker.progress("file:abc") == 1
    with as_job(Right("READ", "TOPIC", logs)) as broker:
        part = TopicPartition("device.logs", partition)
        assert [one.value for one in broker.read(part, offset, max_records=1, max_bytes=99)] == [b"{}"]


def test_nothing_was_lost_or_doubled_meanwhile(job: Job) -> None:
    job.send()
    job.work(RIGHTS)
    assert job.done() == job.rows


def test_a_wrong_password_is_refused_at_once(job: Job) -> None:
    with pytest.raises(
        BrokerRefused, match=r"does not know user 'job' \(SCRAM-SHA-512\), or not by this password"
    ) as e:
        job.secured.open("job", "wrong-password")
    assert "wrong-password" not in str(e.value)
    with pytest.raises(BrokerRefused, match="does not know user 'nobody'"):
        job.secured.open("nobody")


def test_plain_works_within_tls(job: Job) -> None:
    set_rights(job.secured.kafka, "plain", [Right("DESCRIBE", "TOPIC", "device.logs")])
    with job.secured.open("plain", sasl_mechanism="PLAIN") as broker:
        assert broker.topics() == {"device.logs": 8}
    with pytest.raises(BrokerRefused, match="does not know user 'plain'"):
        job.secured.open("plain", "wrong", sasl_mechanism="PLAIN")


def test_who_names_no_user_is_told_that_one_may_be_expected(job: Job) -> None:
    with pytest.raises(BrokerAway, match=r"it may expect a user: kafka\.security_protocol is SSL"):
        job.secured.open("job", security_protocol="SSL", request_timeout_s=5.0)
