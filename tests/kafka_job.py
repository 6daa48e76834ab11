"""A job of several real workers on a real Kafka, for tests that kill, stop and restart them; and what it came to.

What was written is read by kafka-python alone, from offset 0, committed records only: never through hubbub's readers.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from kafka import KafkaAdminClient, KafkaConsumer
from kafka import TopicPartition as KafkaPart
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import GroupIdNotFoundError, RetriableError

from infra.broker import TopicPartition
from infra.kafka.broker import KafkaBroker
from infra.kafka.connection import KafkaConnection
from infra.kafka.settings import KafkaSection
from pipelines.engines.graph import topics_of
from pipelines.pipeline import Pipeline
from schemas.record import Append
from tests.patience import ADMIN, ANSWER_S, PATIENCE_S

TESTS = Path(__file__).parent
SLICE = 5000
Row = dict[str, object]


@dataclass
class KafkaJob:
    """Pipelines (by the names that `hubbub run` takes) with their topics under `prefix`, run by worker processes.

    `environment` is added to every worker's; short sessions make a death noticed soon.
    """

    bootstrap: str
    prefix: str
    folder: Path
    names: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    session_timeout_s: float = 6.0
    workers: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def section(self) -> KafkaSection:
        """The settings that the workers have, too."""
        return self._section("state")

    def broker(self, state: str = "state") -> KafkaBroker:
        """Open the cluster in this process; `state` names its folder for snapshots."""
        return KafkaBroker(KafkaConnection.of(f"kafka://{self.bootstrap}", self._section(state)))

    def _section(self, state: str) -> KafkaSection:
        return KafkaSection(
            topic_prefix=self.prefix,
            state_dir=str(self.folder / state),
            session_timeout_s=self.session_timeout_s,
            request_timeout_s=ANSWER_S,
        )

    def create(self, pipelines: Sequence[Pipeline]) -> None:
        """Make the topics of the job."""
        with self.broker() as broker:
            broker.create_topics(topics_of(pipelines))

    def fill(self, topic: str, rows: Sequence[Row | bytes], key: Callable[[Row | bytes], str] | None = None) -> None:
        """Write rows, keyed by their device."""
        appends = []
        for row in rows:
            name = key(row) if key else str(row["device_id"]) if isinstance(row, dict) else ""
            appends.append(Append(topic, name.encode(), row if isinstance(row, bytes) else orjson.dumps(row)))
        with self.broker() as broker:
            for start in range(0, len(appends), SLICE):
                broker.append(appends[start : start + SLICE])

    def start(self, *arguments: str, failpoint: str = "", state: str = "state") -> subprocess.Popen[str]:
        """Start a worker; it runs until it is killed, or with `--until-end` until everything is worked through."""
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]),
            "HUBBUB_JOB_BATCH_RECORDS": "50",
            # The oracles know no time but that of the rows.
            "HUBBUB_JOB_TICK_S": "0",
            "HUBBUB_FAILPOINT": failpoint,
            "HUBBUB_KAFKA_TOPIC_PREFIX": self.prefix,
            "HUBBUB_KAFKA_STATE_DIR": str(self.folder / state),
            "HUBBUB_KAFKA_SESSION_TIMEOUT_S": str(self.session_timeout_s),
            **self.environment,
        }
        command = [sys.executable, "-m", "pipelines.command_line", "run", *self.names]
        log = (self.folder / f"worker-{len(self.workers)}.log").open("w")
        with log:
            worker = subprocess.Popen(
                [*command, "--broker", f"kafka://{self.bootstrap}", *arguments],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.workers.append(worker)
        return worker

    def log_of(self, worker: subprocess.Popen[str]) -> str:
        """Return what a worker has said."""
        return (self.folder / f"worker-{self.workers.index(worker)}.log").read_text()

    def finish(self, *, state: str = "state") -> None:
        """Let one more worker do all that is left."""
        worker = self.start("--until-end", state=state)
        status = worker.wait(PATIENCE_S)
        assert status == 0, self.log_of(worker)

    def kill_all(self) -> None:
        """End whatever is left."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.kill()
                worker.wait()

    def __enter__(self) -> KafkaJob:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.kill_all()

    def committed(self, group: str) -> int:
        """Return how far a group has come, over all its partitions; a cluster that is in between is asked again."""
        until = time.monotonic() + PATIENCE_S
        while True:
            admin = KafkaAdminClient(bootstrap_servers=self.bootstrap, **ADMIN)
            try:
                found = admin.list_group_offsets([self.prefix + group]).get(self.prefix + group, {})
                return sum(at.offset for at in found.values())
            except GroupIdNotFoundError:
                return 0  # it is still being made
            except RetriableError:
                if time.monotonic() > until:
                    raise
            finally:
                admin.close()
            time.sleep(0.1)

    def end(self, topic: str) -> int:
        """Return what `committed` comes to when a group is through with a topic: markers of transactions count, too."""
        with self.broker() as broker:
            return sum(broker.bounds(TopicPartition(topic, number))[1] for number in range(broker.partitions(topic)))

    def members(self, group: str) -> int:
        """Return how many members a group has."""
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap, **ADMIN)
        try:
            return len(admin.describe_groups([self.prefix + group])[self.prefix + group]["members"])
        except (RetriableError, GroupIdNotFoundError):
            return 0
        finally:
            admin.close()

    def records(self, topic: str, *, partitions: int = 8) -> dict[int, list[ConsumerRecord]]:
        """Return every committed record of a topic, by partition.

        It waits for what an open transaction hides: the last one of a killed worker, until the cluster aborts it.
        """
        parts = [KafkaPart(self.prefix + topic, number) for number in range(partitions)]
        with KafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False) as anything:
            ends = anything.end_offsets(parts)  # a reader of committed records is told a nearer end
        consumer = KafkaConsumer(
            bootstrap_servers=self.bootstrap, isolation_level="read_committed", enable_auto_commit=False
        )
        try:
            consumer.assign(parts)
            consumer.seek_to_beginning(*parts)
            found: dict[int, list[ConsumerRecord]] = defaultdict(list)
            deadline = time.monotonic() + PATIENCE_S
            while any(consumer.position(part) < ends[part] for part in parts):
                assert time.monotonic() < deadline, "an open transaction hides the end"
                for part, records in consumer.poll(200, max_records=20_000).items():
                    found[part.partition] += records
            return found
        finally:
            consumer.close()

    def rows(self, topic: str, *, partitions: int = 8) -> dict[int, list[Row]]:
        """Return every committed row of a topic of JSON, by partition."""
        found = self.records(topic, partitions=partitions)
        return defaultdict(list, {number: [orjson.loads(one.value) for one in some] for number, some in found.items()})


def await_that(condition: Callable[[], bool], what: str, *, timeout_s: float = PATIENCE_S) -> None:
    """Wait for a condition; AssertionError when it takes too long."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s for: {what}"
        time.sleep(0.02)


def check_counts(inputs: Mapping[int, Sequence[Row]], numbered: Mapping[int, Sequence[Row]]) -> None:
    """Hold the job of tests/jobs/counting.py to its oracle: each line once, in order, with its device's number."""
    total = sum(len(rows) for rows in inputs.values())
    seen = Counter(row["seq"] for rows in numbered.values() for row in rows)
    wanted = {row["seq"] for rows in inputs.values() for row in rows}
    lost, doubled = len(wanted - set(seen)), sum(count - 1 for count in seen.values())
    assert (lost, doubled) == (0, 0), f"of {total}: {lost} lost, {doubled} doubled"
    for partition, rows in inputs.items():
        counts: Counter[object] = Counter()
        for line, answer in zip(rows, numbered[partition], strict=True):
            counts[line["device_id"]] += 1
            expected = (line["seq"], counts[line["device_id"]])
            assert (answer["seq"], answer["number"]) == expected, json.dumps(answer)
