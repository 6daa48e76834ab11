"""Work that is slow (R16, R17): what waits stays in the log, not in memory, and a slow worker is no dead one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import psutil

from infra.local.kafka import LocalKafka
from infra.sqlite.broker import SqliteBroker
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append
from tests.jobs.slow import SLOW
from tests.kafka_job import KafkaJob, await_that
from tests.patience import PATIENCE_S

TESTS = Path(__file__).parent.parent
WAITING = 15_000
LINE_BYTES = 8_000
WATCHED_S = 6.0
MOST_GROWTH = 100 << 20
SESSION_S, SLEEP_S = 10, 13


def rows(count: int, size: int) -> list[dict[str, object]]:
    return [{"device_id": f"d{i % 50}", "message": "x" * size, "seq": i} for i in range(count)]


def growth_of(process: subprocess.Popen[str] | subprocess.Popen[bytes], seconds: float) -> int:
    """How much a working process grows above what it had when it began to work."""
    watched = psutil.Process(process.pid)
    first = most = watched.memory_info().rss
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert process.poll() is None
        most = max(most, watched.memory_info().rss)
        time.sleep(0.05)
    return int(most - first)


def test_what_waits_for_a_slow_step_stays_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "hubbub.db"
    with SqliteBroker(path, durability="off") as broker:
        broker.create_topics([DEVICE_LOGS])
        broker.append(
            [
                Append("device.logs", str(row["device_id"]).encode(), orjson.dumps(row))
                for row in rows(WAITING, LINE_BYTES)
            ]
        )
        command = [
            sys.executable,
            "-m",
            "pipelines.command_line",
            "run",
            "jobs.slow:SLOWER",
            "--broker",
            f"sqlite:{path}",
        ]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]),
            "HUBBUB_JOB_BATCH_RECORDS": "100",
        }
        process = subprocess.Popen(command, env=environment)
        try:
            await_that(lambda: "hubbub-slower" in broker.groups(), "a first commit")
            grown = growth_of(process, WATCHED_S)
        finally:
            process.kill()
            process.wait()
        done = sum(broker.ends(["test.done"]).values())
    assert 0 < done < WAITING, "it was through: nothing waited"
    assert grown < MOST_GROWTH, f"grew by {grown / 2**20:.0f} MiB while {WAITING * LINE_BYTES / 2**20:.0f} MiB waited"


def both_at_work(job: KafkaJob) -> bool:
    """Give each partition a line, and tell whether two processes have done these: each has its share then."""
    before = {number: len(found) for number, found in job.rows("test.done").items()}
    job.fill("device.logs", [{"device_id": f"d{i}", "message": "here", "seq": i} for i in range(100)])
    end = job.end("device.logs")
    await_that(lambda: job.committed("hubbub-slow") >= end, "a hundred lines")
    new = [row for number, found in job.rows("test.done").items() for row in found[before.get(number, 0) :]]
    return len({row["process"] for row in new}) == 2


def test_a_slow_worker_on_kafka_keeps_its_place_and_its_size(
    kafka: LocalKafka, topic_prefix: str, tmp_path: Path
) -> None:
    """A step takes longer than the session: its worker is not dead, and nobody else does its work."""
    with KafkaJob(
        kafka.bootstrap, topic_prefix, tmp_path / "job", ["jobs.slow:SLOW"], session_timeout_s=SESSION_S
    ) as job:
        job.create([SLOW])
        workers = [job.start(), job.start()]
        await_that(lambda: both_at_work(job), "both to be at work")
        before = job.rows("test.done")
        job.fill("device.logs", [{"device_id": "d1", "message": f"sleep {SLEEP_S}", "seq": -1}])
        job.fill("device.logs", list(rows(8_000, 2_000)))
        grown = [growth_of(worker, WATCHED_S / 2) for worker in workers]
        await_that(
            lambda: any(row["seq"] == -1 for found in job.rows("test.done").values() for row in found),
            "the slow step",
            timeout_s=60,
        )
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        assert [worker.wait(PATIENCE_S) for worker in workers] == [0, 0]
        done = job.rows("test.done")
        slow = [row for found in done.values() for row in found if row["seq"] == -1]
        assert len(slow) == 1
        partition = next(number for number, found in done.items() if slow[0] in found)
        # What the partition's worker did last before the slow step and what was done behind it: one process.
        since = done[partition][len(before[partition]) - 1 :]
        assert len(since) > 1 and {row["process"] for row in since} == {slow[0]["process"]}
    assert max(grown) < MOST_GROWTH, [f"{one / 2**20:.0f} MiB" for one in grown]
