"""Memory on Kafka: taken over from the changelog or from a snapshot, it is what was committed, nothing else."""

from __future__ import annotations

import logging
import os
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from infra.broker import Commit, Fenced, Offset, StateRow, TopicPartition
from infra.kafka.batch_writing import Content
from infra.kafka.broker import KafkaBroker
from infra.kafka.connection import KafkaConnection
from infra.kafka.settings import KafkaSection
from infra.kafka.transaction import Member, TransactionalProducer
from infra.local.kafka import LocalKafka
from infra.state_changelog import changelog_topic, memory_records
from schemas.device_logs import DEVICE_LOGS
from tests.broker_subject import PARTS, STREAMS, eventually, shared_out
from tests.patience import ANSWER_S

Open = Callable[[str], KafkaBroker]
STREAM, PART = STREAMS[3], PARTS[3]


@pytest.fixture
def opened(kafka: LocalKafka, topic_prefix: str, tmp_path: Path) -> Iterator[Open]:
    """Opens the cluster as a process with a folder of its own would."""
    brokers: list[KafkaBroker] = []

    def open_(folder: str) -> KafkaBroker:
        section = KafkaSection(
            topic_prefix=topic_prefix,
            state_dir=str(tmp_path / folder),
            session_timeout_s=ANSWER_S,
            transaction_timeout_s=ANSWER_S,
            request_timeout_s=ANSWER_S,
        )
        brokers.append(KafkaBroker(KafkaConnection.of(f"kafka://{kafka.bootstrap}", section)))
        return brokers[-1]

    open_("first").create_topics([DEVICE_LOGS])
    yield open_
    for broker in brokers:
        broker.close()


def remembered(broker: KafkaBroker, seed: int) -> dict[str, StateRow]:
    """Commit memory in several steps, small rows and one of megabytes, changed and forgotten; return what is left."""
    source = random.Random(seed)
    membership = broker.join("g", None, STREAMS)
    membership.owned()
    expected: dict[str, StateRow] = {}
    for step in range(6):
        rows = [
            StateRow(f"k{source.randrange(300)}", None if source.random() < 0.2 else source.randbytes(60), step, None)
            for _ in range(200)
        ]
        size = [0, 3_000_000, 2_000_000, 800_000, 0, 2_500_000][step]
        rows.append(StateRow("large", source.randbytes(size) if size else None, None, 99))
        rows = list({row.key: row for row in rows}.values())
        membership.commit(Commit(STREAM, {PART: Offset(step + 1)}, states=rows))
        expected |= {row.key: row for row in rows}
    membership.leave()
    return {key: row for key, row in expected.items() if row.value is not None}


def held(broker: KafkaBroker) -> dict[str, StateRow]:
    membership = broker.join("g", None, STREAMS)
    assert STREAM in membership.owned()
    found = {row.key: row for row in membership.memory(STREAM)}
    assert membership.offset(PART) == Offset(6)
    membership.leave()
    return found


def test_it_comes_back_from_the_changelog_and_from_a_snapshot(
    opened: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = remembered(opened("first"), 1)
    with caplog.at_level(logging.INFO, logger="infra"):
        assert held(opened("another machine")) == expected
        assert "restored" in caplog.text and "up to offset" not in caplog.text
        caplog.clear()
        assert held(opened("another machine")) == expected
        assert "3.snapshot: up to offset" in caplog.text and "restored" not in caplog.text
    [snapshot] = (tmp_path / "another machine").glob("**/3.snapshot")
    damaged = bytearray(snapshot.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    snapshot.write_bytes(damaged)
    with caplog.at_level(logging.INFO, logger="infra"):
        caplog.clear()
        assert held(opened("another machine")) == expected
        assert "is damaged" in caplog.text and "restored" in caplog.text


def test_what_was_given_up_is_not_remembered(opened: Open, topic_prefix: str) -> None:
    """Records of transactions that were aborted lie in the changelog, behind it and in the middle; none is taken."""
    broker = opened("first")
    expected = remembered(broker, 2)
    part = changelog_topic("g", 8).name
    outer = TopicPartition(f"{topic_prefix}{part}", PART.partition)
    junk = {outer: memory_records(STREAM.name, StateRow("k1", b"never committed"), 1)}
    # One is ended by its successor, the other hangs until the cluster gives it up: a reader waits that long.
    short = msgspec.structs.replace(broker.connection.section, transaction_timeout_s=3)
    hangs = KafkaConnection.of(broker.connection.url, short)
    for name in ("a", "a", "b"):
        producer = TransactionalProducer(hangs, f"{topic_prefix}{name}")
        with pytest.raises(RuntimeError):
            _interrupted(producer, junk)
        producer.close()
    assert held(opened("another machine")) == expected


def _interrupted(producer: TransactionalProducer, junk: Mapping[TopicPartition, Sequence[Content]]) -> None:
    def never() -> None:
        raise RuntimeError("before the end")

    producer._end = never  # type: ignore[method-assign]
    producer.commit(junk, {}, Member("", -1, "", None))


def test_several_that_take_over_at_once_share_what_there_is(opened: Open) -> None:
    """Members join while others still read the changelog: who loses what it is reading notices, and nothing is lost."""
    expected = remembered(opened("first"), 3)
    found: dict[str, dict[str, StateRow]] = {}
    failures: list[BaseException] = []
    brokers = [opened(f"machine {number}") for number in range(3)]
    memberships = []
    done = threading.Event()

    def work(number: int) -> None:
        membership = brokers[number].join("g", None, STREAMS)
        memberships.append(membership)
        try:
            while not done.wait(0.05):
                for stream in membership.owned():
                    try:
                        rows = membership.memory(stream)
                    except Fenced:
                        continue
                    if stream == STREAM:
                        found[f"{number}"] = {row.key: row for row in rows}
        except BaseException as error:  # noqa: BLE001 - looked at below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    assert eventually(lambda: len(memberships) == 3 and shared_out(*memberships))
    assert eventually(lambda: len(found) > 0)
    done.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert all(rows == expected for rows in found.values()), {one: len(rows) for one, rows in found.items()}


def test_rows_of_any_size_are_a_commit(opened: Open) -> None:
    """One row larger than any record may be, beside many; and the tombstones of its pieces when it shrinks."""
    membership = opened("first").join("g", None, STREAMS)
    membership.owned()
    big = os.urandom(9_000_000)
    membership.commit(Commit(STREAM, {PART: Offset(1)}, states=[StateRow("big", big), StateRow("small", b"s")]))
    assert membership.states(STREAM, ["big", "small"]) == [big, b"s"]
    membership.commit(Commit(STREAM, {PART: Offset(2)}, states=[StateRow("big", b"thin")]))
    again = opened("another machine").join("g", None, STREAMS)
    membership.leave()
    assert eventually(lambda: STREAM in again.owned())
    assert again.states(STREAM, ["big", "small"]) == [b"thin", b"s"]
