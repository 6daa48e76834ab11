"""Streams without an end on a real Flink and a real Kafka: stopped with a savepoint, killed, gone on from checkpoints.

Slow: each start takes two JVMs. `make flink` runs it; the figures are written down in RELIABILITY.md.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.broker import Broker, TopicPartition
from infra.broker_url import open_broker
from infra.local.kafka import LocalKafka
from infra.settings import load_settings
from infra.sqlite.broker import SqliteBroker
from pipelines.engines.graph import topics_of
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.ticks import read_ticks
from pipelines.replay.kept_history import Range, kept_history
from pipelines.replay.run_side import Progress, run_side
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append, Headers
from tests.integration.test_beam_engine import _lines, rows
from tests.jobs.counting import COUNTS, SILENCES

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
PIPELINES = ("tests.jobs.counting:COUNTS", "tests.jobs.counting:SILENCES")
MOST_S = 600.0
Row = tuple[bytes | None, bytes | None, Headers]


@dataclass
class Job:
    """`hubbub run --engine beam --runner FlinkRunner` as a process, on its own prefix of the cluster."""

    folder: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / "run.log"

    @contextmanager
    def broker(self) -> Iterator[Broker]:
        settings = load_settings(environment=self.environment, directory=ROOT / "tests")
        with open_broker(settings.broker, settings.kafka) as broker:
            yield broker

    def start(self, *more: str) -> None:
        command = [sys.executable, "-m", "pipelines.command_line", "run", *PIPELINES, "--engine", "beam"]
        command += ["--runner", "FlinkRunner", "--processes", "2", "--checkpoint-s", "1", *more]
        environment = {**os.environ, **self.environment, "PYTHONPATH": str(ROOT)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=environment, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )

    def stop(self) -> str:
        """Ctrl-C: return where the savepoint lies."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(MOST_S)
        said = self.log.read_text()
        assert status == 0, said[-3000:]
        return said.rpartition("--from-savepoint ")[2].split()[0]

    def kill(self) -> None:
        """Kill all of it at once: the command, Python's workers in it, and Flink, which does not outlive it."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def wait(self, what: Callable[[], bool], why: str) -> float:
        """Wait until something is so; return how long it took."""
        began = time.monotonic()
        while not what():
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() - began < MOST_S, f"waited for {why}: {self.log.read_text()[-3000:]}"
            time.sleep(0.5)
        return time.monotonic() - began


@pytest.fixture
def job(kafka: LocalKafka, topic_prefix: str, tmp_path: Path) -> Iterator[Job]:
    variables = {
        "HUBBUB_BROKER_URL": f"kafka://{kafka.bootstrap}",
        "HUBBUB_KAFKA_TOPIC_PREFIX": topic_prefix,
        "HUBBUB_KAFKA_STATE_DIR": str(tmp_path / "state"),
        "HUBBUB_JOB_BATCH_RECORDS": "50",
        "HUBBUB_JOB_TICK_S": "3",
    }
    job = Job(tmp_path, variables)
    with job.broker() as broker:
        broker.create_topics([DEVICE_LOGS, *topics_of([COUNTS, SILENCES])])
    yield job
    if job.process is not None and job.process.poll() is None:
        job.kill()


def distinct(found: list[Row]) -> list[Row]:
    """Without what was written again, which has its id again: at least once."""
    return list(dict.fromkeys(found))


class Seen:
    """Counts the rows of a topic as they come, each once."""

    def __init__(self, broker: Broker, topic: str) -> None:
        self._broker = broker
        self._places = {TopicPartition(topic, number): 0 for number in range(broker.topics()[topic])}
        self._found: set[object] = set()

    def total(self) -> int:
        for part, offset in self._places.items():
            for record in self._broker.read(part, offset, max_records=10_000, max_bytes=1 << 24):
                self._found.add(next(value for name, value in record.headers if name == "ce_id"))
                self._places[part] = record.offset + 1
        return len(self._found)


def check(job: Job, broker: Broker, folder: Path, number: int) -> int:
    """Everything is there once, in order, as the embedded engine's replay of the same log and ticks has it."""
    history = kept_history(broker, [DEVICE_LOGS], Range())
    assert history.records >= number
    side = run_side(
        "embedded",
        [COUNTS, SILENCES],
        history,
        folder / "replay.db",
        JobSettings(),
        group="hubbub",
        stop=threading.Event(),
        progress=Progress(),
    )
    repeats = 0
    for topic in ("test.numbered", "test.silences"):
        assert isinstance(side.broker, SqliteBroker)
        found = rows(broker, topic)
        repeats += len(found) - len(distinct(found))
        came, expected = by_device(distinct(found)), by_device(rows(side.broker, topic))
        for device in {**came, **expected}:
            # A tick to the wall clock makes these old lines late, and what late rows cause has no order of its own yet.
            late = topic == "test.silences"
            one, other = (
                sorted(of.get(device, []), key=repr) if late else of.get(device, []) for of in (came, expected)
            )
            assert one == other, (topic, device, len(one), len(other), [row for row in one if row not in other][:2])
    return repeats


def by_device(found: list[Row]) -> dict[bytes | None, list[Row]]:
    """The rows of each device in their order."""
    devices: dict[bytes | None, list[Row]] = {}
    for row in found:
        devices.setdefault(row[0], []).append(row)
    return devices


def test_a_savepoint_is_gone_on_from(job: Job, tmp_path: Path) -> None:
    lines = _lines(900)
    with job.broker() as broker:
        numbered, silences = Seen(broker, "test.numbered"), Seen(broker, "test.silences")
        broker.append(lines[:300])
        job.start()
        first = job.wait(lambda: numbered.total() == 300, "the first lines")
        broker.append(lines[300:600])
        live = job.wait(lambda: numbered.total() == 600, "lines while it runs")
        # Quiet: the deadlines of the seven devices fall due by ticks alone.
        quiet = job.wait(lambda: silences.total() >= 7, "silences by ticks")
        assert read_ticks(broker, "hubbub-silences")
        job.wait(lambda: committed(broker) == 600, "offsets of a complete checkpoint")
        began = time.monotonic()
        savepoint = job.stop()
        stopped = time.monotonic() - began
        broker.append(lines[600:])
        job.start("--from-savepoint", savepoint)
        again = job.wait(lambda: numbered.total() == 900, "the rest")
        job.wait(lambda: committed(broker) == 900, "offsets of a complete checkpoint")
        job.stop()
        repeats = check(job, broker, tmp_path, 900)
        print(
            f"\nsavepoint: first rows after {first:.0f} s, live {live:.1f} s, ticks {quiet:.0f} s, "
            f"stop {stopped:.0f} s, rows again after {again:.0f} s, {repeats} repeats"
        )
        assert repeats == 0
        # Without the savepoint the memory is not there, so nobody goes on.
        job.start()
        assert job.process is not None and job.process.wait(MOST_S) == 2
        assert "what it remembers lies in that job's savepoint" in job.log.read_text()


def committed(broker: Broker) -> int:
    """How many lines both groups have behind them; offsets of Kafka have holes, so each is looked up."""
    done = []
    for group in ("hubbub-counts", "hubbub-silences"):
        done.append(0)
        for number in range(DEVICE_LOGS.partitions):
            part = TopicPartition(DEVICE_LOGS.name, number)
            offset = broker.committed(group, part)
            if offset is not None:
                records = broker.read(part, broker.bounds(part)[0], max_records=10_000, max_bytes=1 << 24)
                done[-1] += sum(record.offset < offset.next_offset for record in records)
    return min(done)


def test_killed_again_and_again(job: Job, tmp_path: Path) -> None:
    """kill -9 of the command and of Flink at random moments, and on from the newest checkpoint: nothing is lost."""
    kills = int(os.environ.get("HUBBUB_TEST_KILLS", "3"))
    seed = int(os.environ.get("HUBBUB_TEST_SEED", "20260301"))
    rng = random.Random(seed)
    print(f"\nseed {seed}, {kills} kills")
    lines, sent = _lines(600 * (kills + 1)), 0
    recoveries = []
    with job.broker() as broker:
        numbered = Seen(broker, "test.numbered")
        job.start()
        for number in range(kills + 1):
            part = lines[sent : sent + 600]
            feeding = threading.Thread(target=_feed, args=(job, part, rng.uniform(2, 6)))
            feeding.start()
            before = numbered.total()
            recoveries.append(job.wait(lambda: numbered.total() > before, "new rows"))  # noqa: B023
            sent += 600
            if number < kills:
                time.sleep(rng.uniform(0, 4))  # the moment of the kill is what is random here
                job.wait(lambda: any(tmp_path.glob("hubbub-flink/checkpoints/*/chk-*/_metadata")), "a checkpoint")
                job.kill()
                feeding.join()
                job.start("--from-savepoint", "latest")
            feeding.join()
        job.wait(lambda: numbered.total() == sent, "the last lines")
        job.wait(lambda: committed(broker) == sent, "offsets of a complete checkpoint")
        job.stop()
        repeats = check(job, broker, tmp_path, sent)
        shown = ", ".join(f"{one:.0f}" for one in recoveries)
        print(f"{sent} lines, {kills} kills: 0 lost, {repeats} repeats taken out by id, rows again after {shown} s")


def _feed(job: Job, part: list[Append], seconds: float) -> None:
    with job.broker() as broker:
        for start in range(0, len(part), 100):
            broker.append(part[start : start + 100])
            time.sleep(seconds / 6)
