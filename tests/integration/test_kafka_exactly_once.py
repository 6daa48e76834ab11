"""Exactly once on Kafka: workers are killed, stopped and fenced; readers of committed records see each answer once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.kafka import LocalKafka
from tests.counting_job import check, counting_job, progress
from tests.integration.test_killed_job import events
from tests.kafka_job import KafkaJob, await_that
from tests.patience import PATIENCE_S

EVENTS = 12_000
KILLS = 10


@pytest.fixture
def job(kafka: LocalKafka, topic_prefix: str, tmp_path: Path) -> Iterator[KafkaJob]:
    with counting_job(kafka.bootstrap, topic_prefix, tmp_path / "job") as one:
        yield one


def test_two_workers_killed_at_random_go_on_exactly_once(job: KafkaJob) -> None:
    """SIGKILL one of two workers, again and again, while both work; then compare with the oracle."""
    seed = int(os.environ.get("HUBBUB_TEST_SEED", "20260301"))
    print(f"seed {seed}")
    source = random.Random(seed)
    job.fill("device.logs", [dict(line) for line in events(seed)[:EVENTS]])
    workers = [job.start(), job.start()]
    total = 2 * job.end("device.logs")
    await_that(lambda: progress(job) > 0, "a first commit")
    kills = 0
    # Where the workers get on while this process waits for its turn, they may be through before so many.
    while kills < KILLS and progress(job) < total:
        place = source.randrange(2)
        time.sleep(source.uniform(0.05, 0.6))
        assert workers[place].poll() is None, job.log_of(workers[place])
        workers[place].send_signal(signal.SIGKILL)
        workers[place].wait()
        before = progress(job)
        workers[place] = job.start()
        kills += 1
        await_that(lambda before=before: progress(job) > before or before >= total, "a commit after the kill")  # type: ignore[misc]
    print(f"killed {kills} times, the last time at {progress(job)} of {total}")
    for worker in workers:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    job.finish()
    check(job)


ROUNDS = 6


def test_workers_that_come_and_go_lose_and_double_nothing(job: KafkaJob) -> None:
    """A rebalance every second or two, all in order: what stays goes on, what moves begins from what is committed."""
    seed = int(os.environ.get("HUBBUB_TEST_SEED", "20260302"))
    print(f"seed {seed}")
    source = random.Random(seed)
    job.fill("device.logs", [dict(line) for line in events(seed)[:EVENTS]])
    steady = job.start()
    await_that(lambda: progress(job) > 0, "a first commit")
    guests: list[subprocess.Popen[str]] = []
    for _ in range(ROUNDS):
        guests.append(job.start())
        await_that(lambda: job.members("hubbub-silences") == 1 + len(guests), "the new worker's place")
        time.sleep(source.uniform(0.0, 1.5))
        if len(guests) > 1:
            leaving = guests.pop(source.randrange(len(guests)))
            leaving.send_signal(signal.SIGTERM)
            assert leaving.wait(PATIENCE_S) == 0, job.log_of(leaving)
    print(f"at {progress(job)} of {2 * EVENTS} after {ROUNDS} came and {ROUNDS - 1} went")
    for worker in (steady, *guests):
        worker.send_signal(signal.SIGTERM)
    for worker in (steady, *guests):
        assert worker.wait(PATIENCE_S) == 0, job.log_of(worker)
    job.finish()
    check(job)
