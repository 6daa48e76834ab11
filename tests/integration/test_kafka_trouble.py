"""A cluster in trouble: answers to commits get lost, the broker goes away and comes back. Still each answer once."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from infra.local.kafka import HOST, LocalKafka
from tests.dropping_proxy import END_TRANSACTION, DroppingProxy, Loss
from tests.integration.test_killed_job import events, oracle_silences
from tests.jobs.counting import COUNTS, SILENCES
from tests.kafka_job import KafkaJob, await_that, check_counts
from tests.patience import PATIENCE_S

EVENTS = 6000
MORE = 1500


@dataclass
class Trouble:
    """One broker of this module's own, reached through a proxy that loses a share of the ends of transactions."""

    kafka: LocalKafka
    seed: int = 20260301
    share: float = 0.0
    lost: Counter[Loss] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.source = random.Random(self.seed)
        print(f"seed {self.seed}")
        self.proxy = DroppingProxy(self.kafka.ports[0], self.judge)

    def judge(self, key: int) -> Loss:
        if key != END_TRANSACTION or self.source.random() >= self.share:
            return "nothing"
        loss: Loss = self.source.choice(["request", "answer"])
        self.lost[loss] += 1
        return loss


@pytest.fixture(scope="module")
def trouble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trouble]:
    kafka = LocalKafka(tmp_path_factory.mktemp("kafka"))
    one = Trouble(kafka)
    # Clients go where the broker says it is: behind the proxy.
    kafka._properties["advertised.listeners"] = (
        f"CLIENT://{HOST}:{one.proxy.port},INTERNAL://{HOST}:{kafka._internal[0]}"
    )
    with kafka:
        yield one
    one.proxy.close()


@pytest.fixture
def job(trouble: Trouble, topic_prefix: str, tmp_path: Path) -> Iterator[KafkaJob]:
    names = ["jobs.counting:COUNTS", "jobs.counting:SILENCES"]
    environment = {"HUBBUB_KAFKA_REQUEST_TIMEOUT_S": "5"}
    trouble.share = 0.0
    with KafkaJob(f"{HOST}:{trouble.proxy.port}", topic_prefix, tmp_path / "job", names, environment) as one:
        one.create([COUNTS, SILENCES])
        one.fill("device.logs", [dict(line) for line in events(11)[:EVENTS]])
        yield one
        trouble.share = 0.0


def check(job: KafkaJob) -> None:
    inputs = job.rows("device.logs")
    check_counts(inputs, job.rows("test.numbered"))
    silences = job.rows("test.silences")
    for partition, rows in inputs.items():
        assert [(row["device_id"], row["state"]) for row in silences[partition]] == oracle_silences(rows, 10.0)
    assert not job.records("dead.letters")


def progress(job: KafkaJob) -> int:
    return job.committed("hubbub-counts") + job.committed("hubbub-silences")


def test_commits_of_which_nobody_knows_whether_they_count(trouble: Trouble, job: KafkaJob) -> None:
    """A third of the ends of transactions break the connection: half of them before, half after they were done."""
    trouble.lost.clear()
    trouble.share = 1 / 3
    worker = job.start()
    total = 2 * job.end("device.logs")
    await_that(lambda: progress(job) >= total, "the end")
    trouble.share = 0.0
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE_S) == 0, job.log_of(worker)
    print(f"lost: {dict(trouble.lost)}")
    assert min(trouble.lost["request"], trouble.lost["answer"]) >= 10, "too few were lost to show anything"
    check(job)


def test_the_broker_goes_away_under_load_and_comes_back(trouble: Trouble, job: KafkaJob) -> None:
    """Once in order, once killed: the worker stays, blames no record, and goes on."""
    worker = job.start()
    later = [dict(line) for line in events(11)[EVENTS:]]

    def await_a_commit(when: str) -> None:
        """There is always something to commit, however far the worker got meanwhile."""
        before = progress(job)
        job.fill("device.logs", [later.pop(0) for _ in range(MORE)])
        await_that(lambda: progress(job) > before, f"a commit {when}")

    for end in (trouble.kafka.stop, trouble.kafka.kill):
        await_a_commit("before it goes away")
        end()
        time.sleep(2)
        assert worker.poll() is None, job.log_of(worker)
        trouble.kafka.start()
        started = time.monotonic()
        await_a_commit("after the return")
        print(f"went on {time.monotonic() - started:.1f} s after the return")
    total = 2 * job.end("device.logs")
    await_that(lambda: progress(job) >= total, "the end")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE_S) == 0, job.log_of(worker)
    check(job)
