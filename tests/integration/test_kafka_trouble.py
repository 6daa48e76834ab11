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

from infra.local.kafka import LocalKafka
from tests.counting_behind_proxy import counting_behind, running_behind
from tests.counting_job import check, progress
from tests.dropping_proxy import END_TRANSACTION, DroppingProxy, Loss
from tests.integration.test_killed_job import events
from tests.kafka_job import KafkaJob, await_that
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
    one = Trouble(LocalKafka(tmp_path_factory.mktemp("kafka")))
    with running_behind(one.proxy, one.kafka):
        yield one


@pytest.fixture
def job(trouble: Trouble, topic_prefix: str, tmp_path: Path) -> Iterator[KafkaJob]:
    trouble.share = 0.0
    with counting_behind(trouble.proxy, topic_prefix, tmp_path / "job", 5.0) as one:
        one.fill("device.logs", [dict(line) for line in events(11)[:EVENTS]])
        yield one
        trouble.share = 0.0


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
