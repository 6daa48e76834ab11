"""Workers believed dead, on Kafka: what they left open is given up, what they wake up with counts for nothing."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from infra.local.kafka import LocalKafka
from tests.counting_job import check, counting_job, progress
from tests.integration.test_killed_job import events
from tests.jobs.fragile import COPY
from tests.kafka_job import KafkaJob, await_that
from tests.patience import PATIENCE_S

EVENTS = 3000
TRANSACTION_TIMEOUT_S = 5.0


@pytest.fixture
def job(kafka: LocalKafka, topic_prefix: str, tmp_path: Path) -> Iterator[KafkaJob]:
    environment = {"HUBBUB_KAFKA_TRANSACTION_TIMEOUT_S": str(TRANSACTION_TIMEOUT_S)}
    with counting_job(kafka.bootstrap, topic_prefix, tmp_path / "job", environment) as one:
        one.fill("device.logs", [dict(line) for line in events(7)[:EVENTS]])
        yield one


def is_stopped(worker: subprocess.Popen[str]) -> bool:
    """Whether the whole process stands still, as Linux tells it (field 3 of stat, behind the name)."""
    return Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.mark.parametrize("place", ["after_infer", "during_end_transaction"])
def test_a_worker_that_slept_through_its_session_is_fenced(job: KafkaJob, place: str) -> None:
    """It stands still, in the middle of a transaction or before one, while another does all of its work."""
    sleeper = job.start("--instance", "sleeper", failpoint=f"{place}:12:stop")
    await_that(lambda: is_stopped(sleeper), f"the worker stands still {place}")
    job.finish()
    check(job)
    sleeper.send_signal(signal.SIGCONT)
    # It finds itself fenced, joins again, and does its part of what is new.
    job.fill("device.logs", [dict(line, seq=line["seq"]) for line in events(7)[EVENTS : EVENTS + 500]])
    total = 2 * job.end("device.logs")
    await_that(lambda: progress(job) >= total, "the new lines")
    sleeper.send_signal(signal.SIGTERM)
    assert sleeper.wait(PATIENCE_S) == 0, job.log_of(sleeper)
    check(job)


def test_a_dead_workers_open_transaction_is_given_up(job: KafkaJob) -> None:
    """It died under another name than the next one has, so nobody ends its transaction but the cluster, in time."""
    dead = job.start("--instance", "dead", failpoint="after_send_offsets:12:kill")
    assert dead.wait(PATIENCE_S) == -9, job.log_of(dead)
    started = time.monotonic()
    job.finish()
    print(f"taken over and finished in {time.monotonic() - started:.1f} s")
    check(job)


def test_stopped_in_order_under_load_it_ends_at_once_and_whole(job: KafkaJob) -> None:
    for number in range(4):
        worker = job.start("--instance", f"n{number % 2}")
        before = job.committed("hubbub-counts")
        await_that(lambda before=before: job.committed("hubbub-counts") > before, "a commit")  # type: ignore[misc]
        started = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE_S) == 0, job.log_of(worker)
        print(f"ended in {time.monotonic() - started:.1f} s")
    job.finish()
    check(job)


def test_a_record_that_kills_the_process_is_a_dead_letter_in_the_end(
    kafka: LocalKafka, topic_prefix: str, tmp_path: Path
) -> None:
    """Three deaths, wherever the worker was started: attempts lie in the cluster, not on the machine."""
    with KafkaJob(kafka.bootstrap, topic_prefix, tmp_path / "job", ["jobs.fragile:COPY"]) as job:
        job.create([COPY])
        lines = [
            {"device_id": f"d{i % 3}", "event_time": "2026-03-01T08:00:00Z", "message": f"line {i}"} for i in range(60)
        ]
        lines[31]["message"] = "abort"
        job.fill("device.logs", [dict(line) for line in lines])
        deaths = 0
        while (status := job.start("--until-end", "--instance", f"machine-{deaths}").wait(PATIENCE_S)) != 0:
            assert status == -signal.SIGABRT, job.log_of(job.workers[-1])
            deaths += 1
            assert deaths <= 3
        assert deaths == 3
        [letter] = [one for records in job.records("dead.letters").values() for one in records]
        assert dict(letter.headers)["dlq.reason"] == b"crash_loop"
        assert orjson.loads(letter.value)["message"] == "abort"
        copies = [row["message"] for rows in job.rows("test.copies").values() for row in rows]
        assert sorted(map(str, copies)) == sorted(str(line["message"]) for line in lines if line["message"] != "abort")
