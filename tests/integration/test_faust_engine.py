"""The Faust engine on a real Kafka: the embedded engine's answers, whatever kills, moves or poisons its workers.

What is in the topics is read with kafka-python alone, never through hubbub's own readers. At least once means here:
each record's first copy is what the embedded engine wrote, in its order; further copies are the same bytes.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from faust.serializers import codecs
from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaPartition

from infra.broker import BrokerMismatch
from infra.kafka.broker import KafkaBroker
from infra.kafka.connection import KafkaConnection
from infra.kafka.settings import KafkaSection
from infra.local.kafka import LocalKafka
from infra.sqlite.broker import SqliteBroker
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.faust.app import refuse_pickle
from pipelines.engines.faust.delivery import Delivery
from pipelines.engines.faust.engine import FaustEngine
from pipelines.engines.faust.worker import FaustStopped
from pipelines.engines.graph import topics_of
from pipelines.engines.job_settings import JobSettings
from pipelines.pipeline import Pipeline
from schemas.record import Append
from tests.integration.conftest import Hubbub
from tests.jobs.counting import COUNTS, SILENCES
from tests.jobs.drawn_lines import lines
from tests.jobs.fragile import COPY
from tests.patience import ANSWER_S, PATIENCE_S

ROOT = Path(__file__).parent.parent.parent
SEED = int(os.environ.get("HUBBUB_TEST_SEED", "20260301"))


@dataclass(frozen=True)
class Written:
    """One record as a plain consumer sees it."""

    id: str
    key: bytes
    value: bytes
    headers: dict[str, bytes]


@dataclass(frozen=True)
class Cluster:
    """The shared broker, under this test's own prefix."""

    kafka: LocalKafka
    prefix: str

    @property
    def url(self) -> str:
        return f"kafka://{self.kafka.bootstrap}"

    @property
    def environment(self) -> dict[str, str]:
        return dict(
            os.environ,
            PYTHONPATH=os.pathsep.join([str(ROOT / "tests"), str(ROOT)]),
            HUBBUB_KAFKA_TOPIC_PREFIX=self.prefix,
            HUBBUB_KAFKA_SESSION_TIMEOUT_S="20",
            HUBBUB_KAFKA_REQUEST_TIMEOUT_S=str(ANSWER_S),
            HUBBUB_JOB_TICK_S="0",  # the lines are old: a tick would call every device silent
        )

    def open(self) -> KafkaBroker:
        section = KafkaSection(topic_prefix=self.prefix, session_timeout_s=20.0, request_timeout_s=ANSWER_S)
        return KafkaBroker(KafkaConnection.of(self.url, section))

    def written(self, topic: str) -> dict[int, list[Written]]:
        """Every committed record of a topic by partition, in order."""
        name = self.prefix + topic
        consumer = KafkaConsumer(bootstrap_servers=self.kafka.bootstrap, isolation_level="read_committed")
        try:
            parts = [KafkaPartition(name, number) for number in sorted(consumer.partitions_for_topic(name) or ())]
            consumer.assign(parts)
            consumer.seek_to_beginning()
            ends = consumer.end_offsets(parts)
            found: dict[int, list[Written]] = {part.partition: [] for part in parts}
            deadline = time.monotonic() + PATIENCE_S
            while any(consumer.position(part) < ends[part] for part in parts):
                assert time.monotonic() < deadline, "the verifier could not read to the end"
                for part, records in consumer.poll(timeout_ms=200).items():
                    found[part.partition] += [_written(record) for record in records]
            return found
        finally:
            consumer.close()

    def start(self, *arguments: str, log: Path, failpoint: str = "") -> subprocess.Popen[bytes]:
        """Start `hubbub run --engine faust ARGUMENTS` as a process of its own."""
        command = [sys.executable, "-m", "pipelines.command_line", "run", "--engine", "faust", "--broker", self.url]
        environment = {**self.environment, "HUBBUB_FAILPOINT": failpoint, "HUBBUB_JOB_BATCH_RECORDS": "60"}
        with log.open("ab") as out:
            return subprocess.Popen([*command, *arguments], env=environment, stdout=out, stderr=out)


def _written(record: object) -> Written:
    headers = dict(record.headers)  # type: ignore[attr-defined]
    name = headers.get("ce_hubbubid") if "dlq.id" not in headers else headers["dlq.id"]
    return Written((name or b"").decode(), record.key, record.value, headers)  # type: ignore[attr-defined]


@pytest.fixture
def cluster(kafka: LocalKafka, topic_prefix: str) -> Cluster:
    return Cluster(kafka, topic_prefix)


@pytest.fixture
def broker(cluster: Cluster) -> Iterator[KafkaBroker]:
    with cluster.open() as opened:
        yield opened


def reference(
    records: Sequence[Append], pipelines: Sequence[Pipeline], path: Path
) -> dict[str, dict[int, list[bytes]]]:
    """What the embedded engine writes for these records: values by topic and partition, in order."""
    with SqliteBroker(path) as broker:
        broker.create_topics(topics_of(pipelines))
        broker.append(records)
        EmbeddedEngine(broker).run(pipelines, until_end=True)
        found: dict[str, dict[int, list[bytes]]] = {}
        for topic in topics_of(pipelines):
            for part in broker.ends([topic.name]):
                rows = broker.read(part, 0, max_records=1_000_000, max_bytes=1 << 30)
                found.setdefault(part.topic, {})[part.partition] = [row.value or b"" for row in rows]
        return found


def first_copies(records: Sequence[Written]) -> list[Written]:
    """The records without repeated ids; a repeat must be the same bytes."""
    seen: dict[str, Written] = {}
    for record in records:
        first = seen.setdefault(record.id, record)
        assert (first.key, first.value) == (record.key, record.value), "one id, two answers"
    return list(seen.values())


def assert_same(cluster: Cluster, expected: dict[str, dict[int, list[bytes]]], topics: Sequence[str]) -> int:
    """Compare with the embedded engine's output; return how many records were repeats."""
    repeats = 0
    for topic in topics:
        for number, records in cluster.written(topic).items():
            once = first_copies(records)
            assert [one.value for one in once] == expected[topic][number], f"{topic}/{number}"
            repeats += len(records) - len(once)
    letters = [one for records in cluster.written("dead.letters").values() for one in records]
    assert sorted(one.value for one in first_copies(letters)) == sorted(
        value for values in expected["dead.letters"].values() for value in values
    )
    return repeats


OUTPUTS = ("test.numbered", "test.silences")


def test_answers_are_those_of_the_embedded_engine(cluster: Cluster, broker: KafkaBroker, tmp_path: Path) -> None:
    """Numbered lines, silences by deadlines, dead letters: the same values in the same order, none twice."""
    pipelines = [COUNTS, SILENCES]
    records = lines(3000, seed=SEED, poison_every=97)
    expected = reference(records, pipelines, tmp_path / "reference.db")
    broker.create_topics(topics_of(pipelines))
    before = set(broker.topics())
    for start in range(0, len(records), 700):  # several transactions, so that offsets have holes
        broker.append(records[start : start + 700])
    report = FaustEngine(broker, JobSettings(batch_records=70)).run(pipelines, until_end=True)
    assert report.total("in") == 2 * len(records)
    assert assert_same(cluster, expected, OUTPUTS) == 0
    letter = next(one for found in cluster.written("dead.letters").values() for one in found)
    assert letter.headers["dlq.engine"] == b"faust"
    made = set(broker.topics()) - before
    assert made == {"hubbub-counts-faust-memory-changelog", "hubbub-silences-faust-memory-changelog"}


JOB = ("jobs.counting:COUNTS", "jobs.counting:SILENCES")
FAILPOINTS = (
    "after_poll", "after_infer", "after_state", "in_dead_letter", "after_produce", "after_send_offsets", "after_commit",
)  # fmt: skip


@pytest.mark.parametrize(
    "failpoints",
    [pytest.param(("after_produce", "after_send_offsets"), id="few"), pytest.param(FAILPOINTS, marks=pytest.mark.slow)],
)
def test_killed_between_its_writes_it_loses_nothing(
    cluster: Cluster, broker: KafkaBroker, tmp_path: Path, failpoints: Sequence[str]
) -> None:
    """Killed behind the outputs, behind the memory, ...: 0 lost, 0 doubled without repeated ids, memory as it was."""
    pipelines = [COUNTS, SILENCES]
    records = lines(2000, seed=SEED, poison_every=97)
    expected = reference(records, pipelines, tmp_path / "reference.db")
    broker.create_topics(topics_of(pipelines))
    broker.append(records)
    log = tmp_path / "log"
    for number, name in enumerate(failpoints):
        worker = cluster.start(*JOB, "--instance", "one", "--until-end", failpoint=f"{name}:{3 + number}:kill", log=log)
        assert worker.wait(PATIENCE_S) == -signal.SIGKILL, log.read_text()
    finished = cluster.start(*JOB, "--instance", "one", "--until-end", log=log)
    assert finished.wait(PATIENCE_S) == 0, log.read_text()
    repeats = assert_same(cluster, expected, OUTPUTS)
    assert 0 < repeats < len(failpoints) * 60 * 2, "at most a step each"


def test_poison_costs_a_record_and_the_crash_pill_three_starts(
    cluster: Cluster, broker: KafkaBroker, tmp_path: Path
) -> None:
    """Everything good comes out; what fails is a dead letter, bytes and headers as they came; pickles never run."""
    broker.create_topics(topics_of([COPY]))
    marker = tmp_path / "executed"
    good = [line for line in lines(60, seed=SEED) if line.key in {b"d3", b"d5"}]
    pickled = pickle.dumps(_Evil(str(marker)))
    bad = {
        "infer_error": _message("raise"),
        "nan": _message("error"),
        "crash_loop": _message("abort"),
        "bad_json": b"{",
    }
    device = b"d3"
    letters = [
        Append("device.logs", device, value, (("reason", reason.encode()), ("evil", pickled), ("reason", b"again")))
        for reason, value in [*bad.items(), ("bad_json", pickled)]
    ]
    half = len(good) // 2
    broker.append([*good[:half], *letters, *good[half:]])
    log = tmp_path / "log"
    job = ("jobs.fragile:COPY", "--instance", "one", "--until-end")
    statuses = [cluster.start(*job, log=log).wait(PATIENCE_S) for _ in range(4)]
    assert statuses == [-signal.SIGABRT] * 3 + [0], log.read_text()
    copies = [one for found in cluster.written("test.copies").values() for one in found]
    seen = [orjson.loads(one.value)["seq"] for one in first_copies(copies)]
    assert sorted(seen) == sorted(orjson.loads(line.value or b"")["seq"] for line in good)
    dead = first_copies([one for found in cluster.written("dead.letters").values() for one in found])
    found = sorted((one.headers["dlq.reason"].decode(), one.value) for one in dead)
    assert found == sorted([*bad.items(), ("bad_json", pickled)])
    assert not marker.exists()
    pill = next(one for one in dead if one.headers["dlq.reason"] == b"crash_loop")
    assert pill.headers["dlq.attempts"] == b"3"


class _Evil:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.mkdir, (self.path,))


def _message(text: str) -> bytes:
    return orjson.dumps({"device_id": "d3", "event_time": "2026-03-01T08:00:00Z", "message": text})


@pytest.mark.slow
def test_workers_come_and_go(cluster: Cluster, broker: KafkaBroker, tmp_path: Path) -> None:
    """Two workers, a third joins, one is killed, all are asked to stop: status 0, and the answers are the same."""
    pipelines = [COUNTS, SILENCES]
    records = lines(4000, seed=SEED, poison_every=97)
    expected = reference(records, pipelines, tmp_path / "reference.db")
    broker.create_topics(topics_of(pipelines))
    logs = [tmp_path / name for name in ("one", "two", "three")]
    workers = [cluster.start(*JOB, log=log) for log in logs[:2]]
    try:
        broker.append(records[:1000])
        await_done(broker, workers)
        workers.append(cluster.start(*JOB, log=logs[2]))
        broker.append(records[1000:2000])
        await_done(broker, workers)
        broker.append(records[2000:3000])
        workers[0].send_signal(signal.SIGKILL)
        workers[0].wait()
        broker.append(records[3000:])
        await_done(broker, workers[1:])
    finally:
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        statuses = [worker.wait(PATIENCE_S) for worker in workers]
    assert statuses == [-signal.SIGKILL, 0, 0], "".join(log.read_text() for log in logs)
    # What was done is done: another worker finds nothing to do.
    report = FaustEngine(broker, JobSettings()).run(pipelines, until_end=True)
    assert report.total("in") == 0
    assert_same(cluster, expected, OUTPUTS)
    assert all("stopped" in log.read_text() for log in logs[1:])


def await_done(broker: KafkaBroker, workers: Sequence[subprocess.Popen[bytes]], timeout_s: float = PATIENCE_S) -> None:
    """Wait until the groups have committed all that is in the input."""
    groups = ("hubbub-counts-faust", "hubbub-silences-faust")
    parts = list(broker.ends(["device.logs"]))
    deadline = time.monotonic() + timeout_s
    while True:
        done = []
        for part in parts:
            end = broker.bounds(part)[1]
            for group in groups:
                offset = broker.committed(group, part)
                done.append(not end or (offset is not None and offset.next_offset >= end))
        if all(done):
            return
        assert all(worker.poll() is None for worker in workers), "a worker ended by itself"
        assert time.monotonic() < deadline, f"{done.count(False)} of {len(done)} partitions stand still"
        time.sleep(0.1)


def test_what_faust_would_only_log_ends_the_job(broker: KafkaBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception in an agent is raised, and says so; nothing is committed."""
    broker.create_topics(topics_of([COUNTS]))
    broker.append(lines(100, seed=SEED))

    def put(*_: object) -> None:
        raise RuntimeError("the agent broke")

    monkeypatch.setattr(Delivery, "put", put)
    with pytest.raises(FaustStopped, match="the agent broke"):
        FaustEngine(broker).run([COUNTS], until_end=True)
    assert broker.groups() == []


def test_missing_topics_are_named_and_not_made(broker: KafkaBroker) -> None:
    """Nobody makes topics by surprise."""
    with pytest.raises(BrokerMismatch, match="hubbub topics create"):
        FaustEngine(broker).run([COUNTS], until_end=True)
    assert "device.logs" not in broker.topics()


def test_it_needs_kafka(hubbub: Hubbub) -> None:
    """The embedded broker has its own engine."""
    answer = hubbub("run", "--engine", "faust", "--until-end")
    assert answer.status == 2 and "kafka://" in answer.err


def test_no_codec_that_unpickles_is_left() -> None:
    """Not by name, and not by a variable of the environment."""
    refuse_pickle()
    assert not [name for name in codecs.codecs if "pickle" in name]
    with pytest.raises(LookupError):
        codecs.get_codec("pickle")
