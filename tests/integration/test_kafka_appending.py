"""A writer on Kafka that dies within a transaction, sleeps through its successor, or has company."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from infra.broker import Fenced
from infra.kafka.broker import KafkaBroker
from infra.kafka.connection import KafkaConnection
from infra.kafka.settings import KafkaSection
from infra.local.kafka import LocalKafka
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append
from tests.broker_subject import LOGS, PARTS, everything
from tests.patience import ANSWER_S, PATIENCE_S

# One chunk of a file, written by a process that dies at a failpoint. Nobody here waits until its transaction times out.
WRITER = """
import sys
from infra.broker_url import open_broker
from infra.failpoints import arm
from infra.kafka.settings import KafkaSection
from infra.settings import BrokerSection
from schemas.record import Append
url, prefix, failpoint, value = sys.argv[1:]
section = KafkaSection(topic_prefix=prefix, transaction_timeout_s=800, request_timeout_s=60)
with open_broker(BrokerSection(url=url), section) as broker:
    broker.progress("file:x")
    arm({"HUBBUB_FAILPOINT": failpoint} if failpoint else {})
    rows = [Append("device.logs", b"k", value.encode(), partition=number) for number in range(8)]
    broker.append(rows, progress=("file:x", int(value)))
"""


def opened(kafka: LocalKafka, prefix: str) -> KafkaBroker:
    url = f"kafka://{kafka.bootstrap}"
    return KafkaBroker(
        KafkaConnection.of(
            url, KafkaSection(topic_prefix=prefix, transaction_timeout_s=ANSWER_S, request_timeout_s=ANSWER_S)
        )
    )


def write(kafka: LocalKafka, prefix: str, value: int, failpoint: str = "") -> int:
    command = [sys.executable, "-c", WRITER, f"kafka://{kafka.bootstrap}", prefix, failpoint, str(value)]
    return subprocess.run(command, check=False, timeout=PATIENCE_S).returncode


@pytest.mark.parametrize("failpoint", ["after_produce", "after_send_offsets", "during_end_transaction"])
def test_a_dead_writer_s_transaction_is_ended_by_the_next_one_at_once(
    kafka: LocalKafka, topic_prefix: str, failpoint: str
) -> None:
    with opened(kafka, topic_prefix) as broker:
        broker.create_topics([DEVICE_LOGS])
        assert write(kafka, topic_prefix, 1) == 0
        assert write(kafka, topic_prefix, 2, f"{failpoint}:1:kill") == -signal.SIGKILL
        if failpoint == "after_produce":
            readable = {part: broker.bounds(part)[1] for part in PARTS}
            assert not broker.settled([LOGS])
            assert all(end >= readable[part] + 1 for part, end in broker.written([LOGS]).items())
        # Whether the last word was heard is for the cluster to say; what it says holds for records and progress alike.
        reached = broker.progress("file:x")
        assert reached == 1 or (reached == 2 and failpoint == "during_end_transaction")
        expected = [(b"k", str(value).encode()) for value in range(1, reached + 1)]
        assert [everything(broker, part) for part in PARTS] == [expected] * len(PARTS)
        broker.append([Append(LOGS, b"k", b"3", partition=number) for number in range(8)], progress=("file:x", 3))
        assert broker.progress("file:x") == 3
        assert [everything(broker, part) for part in PARTS] == [[*expected, (b"k", b"3")]] * len(PARTS)
        assert broker.settled([LOGS])


def test_of_two_writers_of_one_file_the_later_one_writes(kafka: LocalKafka, topic_prefix: str) -> None:
    row = [Append(LOGS, b"k", b"v", partition=0)]
    with opened(kafka, topic_prefix) as first, opened(kafka, topic_prefix) as second:
        first.create_topics([DEVICE_LOGS])
        assert first.progress("file:x") is None
        first.append(row, progress=("file:x", 1))
        assert second.progress("file:x") == 1
        with pytest.raises(Fenced):
            first.append(row, progress=("file:x", 2))
        second.append(row, progress=("file:x", 2))
        # Others are not concerned.
        first.append(row, progress=("other:x", 1))
        assert len(everything(second, PARTS[0])) == 3
        assert second.progress("file:x") == 2


def test_an_aborted_transaction_s_records_are_seen_by_nobody(kafka: LocalKafka, topic_prefix: str) -> None:
    with opened(kafka, topic_prefix) as broker:
        broker.create_topics([DEVICE_LOGS])
        for value in (1, 2, 3):
            write(kafka, topic_prefix, value, "" if value == 2 else "after_produce:1:kill")
        broker.progress("file:x")
        for part in PARTS:
            first, end = broker.bounds(part)
            [record] = broker.read(part, 0, max_records=99, max_bytes=1 << 20)
            assert (first, end, record.value) == (0, record.offset + 1, b"2")
            assert record.offset > 0
            # From any place on, also from within what was aborted.
            for offset in range(12):
                found = broker.read(part, offset, max_records=99, max_bytes=1 << 20)
                assert found == ([record] if offset <= record.offset else [])
