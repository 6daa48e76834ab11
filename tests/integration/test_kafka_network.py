"""The network between workers and a real Kafka (R12, R13): cut without a word, or slow and breaking. Still 0/0."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from infra.local.kafka import LocalKafka
from tests.counting_behind_proxy import counting_behind, running_behind
from tests.counting_job import check, progress
from tests.dropping_proxy import DroppingProxy, Loss
from tests.integration.test_killed_job import events
from tests.kafka_job import KafkaJob, await_that
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow
SEED = 20260301
EVENTS = 6000
REQUEST_TIMEOUT_S = 5.0
ALLOWED_S = REQUEST_TIMEOUT_S + 30


@dataclass
class Line:
    """The way to the broker: open or cut, packets late by up to `latest_s`, breaking once in `breaks_in` requests."""

    kafka: LocalKafka
    latest_s: float = 0.0
    breaks_in: int = 0
    broken: int = 0
    source: random.Random = field(default_factory=lambda: random.Random(SEED))

    def __post_init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.proxy = DroppingProxy(self.kafka.ports[0], self.judge, self.travel)

    def judge(self, _: int) -> Loss:
        if not self.breaks_in or self.source.randrange(self.breaks_in):
            return "nothing"
        self.broken += 1
        return self.source.choice(("request", "answer"))

    def travel(self) -> None:
        self.open.wait()
        if self.latest_s:
            time.sleep(self.source.uniform(self.latest_s / 10, self.latest_s))


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    print(f"seed {SEED}")
    one = Line(LocalKafka(tmp_path_factory.mktemp("kafka")))
    with running_behind(one.proxy, one.kafka):
        yield one


@pytest.fixture
def job(line: Line, topic_prefix: str, tmp_path: Path) -> Iterator[KafkaJob]:
    with counting_behind(line.proxy, topic_prefix, tmp_path / "job", REQUEST_TIMEOUT_S) as one:
        yield one
        line.open.set()
        line.latest_s, line.breaks_in = 0.0, 0


@pytest.mark.parametrize("seconds", [10, 60])
def test_a_line_that_is_cut_costs_its_time_and_nothing_else(line: Line, job: KafkaJob, seconds: float) -> None:
    """No packet passes and no connection breaks: longer than a request may take, and than the group waits (6 s)."""
    rows = [dict(row) for row in events(11)[:EVENTS]]
    job.fill("device.logs", rows[: EVENTS // 2])
    worker = job.start()
    await_that(lambda: progress(job) > 0, "a commit")
    line.open.clear()
    time.sleep(seconds)
    assert worker.poll() is None, job.log_of(worker)
    line.open.set()
    mended, before = time.monotonic(), progress(job)
    job.fill("device.logs", rows[EVENTS // 2 :])
    await_that(lambda: progress(job) > before, "a commit when it is mended", timeout_s=ALLOWED_S)
    print(f"cut for {seconds} s: goes on {time.monotonic() - mended:.1f} s after it is mended")
    total = 2 * job.end("device.logs")
    await_that(lambda: progress(job) >= total, "the end")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE_S) == 0, job.log_of(worker)
    check(job)


def test_a_slow_line_that_breaks_again_and_again(line: Line, job: KafkaJob) -> None:
    """Each packet takes 50 to 500 ms, and one request in forty breaks its connection, before or behind the broker."""
    job.fill("device.logs", [dict(row) for row in events(11)[: EVENTS // 3]])
    total = 2 * job.end("device.logs")
    line.latest_s, line.breaks_in = 0.5, 40
    workers = [job.start(state=f"state-{number}") for number in range(2)]
    began = time.monotonic()
    beside = replace(job, bootstrap=line.kafka.internal)  # who asks how far they are has another line
    await_that(lambda: progress(beside) >= total, "the end", timeout_s=600)
    print(f"through after {time.monotonic() - began:.0f} s, {line.broken} connections broken")
    assert line.broken >= 10, "too few broke to show anything"
    line.latest_s, line.breaks_in = 0.0, 0
    for worker in workers:
        assert worker.poll() is None, job.log_of(worker)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE_S) == 0, job.log_of(worker)
    check(job)
