"""Small steps of several streams in one transaction: all of them or none, and a death blames only its own record."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from infra.broker import Attempt, Commit, CommitsTogether, Fenced, Offset, StateRow
from infra.kafka.broker import KafkaBroker
from infra.kafka.connection import KafkaConnection
from infra.kafka.settings import KafkaSection
from infra.local.kafka import LocalKafka
from schemas.device_logs import DEVICE_LOGS
from tests.broker_subject import STREAMS, all_records, eventually, lines, place, shared_out
from tests.jobs.fragile import COPY
from tests.kafka_job import KafkaJob
from tests.patience import ANSWER_S, PATIENCE_S

Open = Callable[[str], KafkaBroker]


@pytest.fixture
def opened(kafka: LocalKafka, topic_prefix: str, tmp_path: Path) -> Iterator[Open]:
    """Opens the cluster as a process with a folder of its own would."""
    brokers: list[KafkaBroker] = []

    def open_(folder: str) -> KafkaBroker:
        section = KafkaSection(
            topic_prefix=topic_prefix,
            state_dir=str(tmp_path / folder),
            session_timeout_s=ANSWER_S,
            request_timeout_s=ANSWER_S,
        )
        brokers.append(KafkaBroker(KafkaConnection.of(f"kafka://{kafka.bootstrap}", section)))
        return brokers[-1]

    open_("first").create_topics([DEVICE_LOGS])
    yield open_
    for broker in brokers:
        broker.close()


def commit(number: int, offset: int, key: str) -> Commit:
    (part,) = STREAMS[number].parts
    return Commit(STREAMS[number], {part: Offset(offset)}, lines(key), [StateRow(key, key.encode())])


def keys(broker: KafkaBroker, key: str) -> list[bytes | None]:
    """Return the keys of all that lies where records of this key lie."""
    return [record.key for record in all_records(broker, place(key))]


def test_commits_of_several_streams_are_one_transaction(opened: Open) -> None:
    broker = opened("one")
    membership = broker.join("g", "one", STREAMS)
    assert isinstance(membership, CommitsTogether)
    membership.owned()
    membership.begin_attempts({STREAMS[2]: Attempt(0, 5, 1), STREAMS[5]: Attempt(0, 7, 1)})
    membership.commit_together([commit(2, 5, "a"), commit(5, 7, "b")])
    for number, offset, key in ((2, 5, "a"), (5, 7, "b")):
        assert membership.offset(STREAMS[number].parts[0]) == Offset(offset)
        assert membership.states(STREAMS[number], ["a", "b"]) == [key.encode() if one == key else None for one in "ab"]
        assert eventually(lambda key=key: keys(broker, key).count(key.encode()) == 1)  # type: ignore[misc]
    # Another process finds what was committed, and no attempt that is not over.
    membership.leave()
    other = opened("two").join("g", "two", STREAMS)
    assert eventually(lambda: len(other.owned()) == len(STREAMS))
    assert [other.attempt(STREAMS[number]) for number in (2, 5)] == [None, None]
    assert other.states(STREAMS[5], ["b"]) == [b"b"]
    assert other.offset(STREAMS[2].parts[0]) == Offset(5)


def test_one_stream_that_is_lost_leaves_nothing_of_the_others(opened: Open) -> None:
    first = opened("one")
    membership = first.join("g", "one", STREAMS)
    assert membership.owned() == STREAMS
    other = opened("two").join("g", "two", STREAMS)
    assert eventually(lambda: shared_out(membership, other))
    lost, kept = other.owned()[0], membership.owned()[0]
    assert isinstance(membership, CommitsTogether)
    with pytest.raises(Fenced):
        membership.commit_together([commit(STREAMS.index(kept), 3, "a"), commit(STREAMS.index(lost), 3, "b")])
    assert first.committed("g", kept.parts[0]) is None and first.committed("g", lost.parts[0]) is None
    assert b"a" not in keys(first, "a")
    assert eventually(lambda: kept in membership.owned())
    membership.commit(commit(STREAMS.index(kept), 3, "a"))
    assert eventually(lambda: first.committed("g", kept.parts[0]) == Offset(3))


@pytest.mark.slow
def test_a_death_in_company_blames_only_its_own_record(kafka: LocalKafka, topic_prefix: str, tmp_path: Path) -> None:
    """Records of many partitions come at once, so their steps are taken together; one of them kills the process."""
    with KafkaJob(kafka.bootstrap, topic_prefix, tmp_path / "job", ["jobs.fragile:COPY"]) as job:
        job.create([COPY])

        def fill(first: int, count: int, poison: int | None = None) -> None:
            rows = [
                {
                    "device_id": f"d{number % 40}",
                    "event_time": "2026-03-01T08:00:00Z",
                    "message": "abort" if number == poison else f"line {number}",
                }
                for number in range(first, first + count)
            ]
            job.fill("device.logs", [dict(row) for row in rows])

        fill(0, 80)
        worker = job.start("--instance", "one")
        assert eventually(lambda: job.committed("hubbub-copy") >= job.end("device.logs")), job.log_of(worker)
        fill(80, 80, poison=111)
        assert worker.wait(PATIENCE_S) == -signal.SIGABRT, job.log_of(worker)
        deaths = 1
        while (status := job.start("--until-end", "--instance", "one").wait(PATIENCE_S)) != 0:
            assert status == -signal.SIGABRT, job.log_of(job.workers[-1])
            deaths += 1
            assert deaths <= 3
        assert deaths == 3
        [letter] = [one for records in job.records("dead.letters").values() for one in records]
        assert orjson.loads(letter.value)["message"] == "abort"
        copies = [row["message"] for rows in job.rows("test.copies").values() for row in rows]
        assert sorted(map(str, copies)) == sorted(f"line {number}" for number in range(160) if number != 111)
