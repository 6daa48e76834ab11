"""Where contestants are killed: a Kafka, two topics, workers as processes, lines that are fed and watched for.

Feeding and watching are kafka-python's alone, and so is the verdict, by a process of its own (chaos_verifier.py).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import orjson
import psutil
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from infra.broker_url import open_broker
from infra.local.kafka import LocalKafka
from infra.partitioner import partition_of_key
from infra.settings import load_settings
from pipelines.engines.graph import topics_of
from tests.jobs.two_to_three import COUNTS, LINES, NUMBERED

TESTS = Path(__file__).parent
DEVICES = 40
START = datetime(2026, 3, 1, tzinfo=UTC)
PATIENCE_S = 120.0
QUIET_S = 20.0


@dataclass(frozen=True)
class Contestant:
    """One way to do the work. `command` gives the process of a worker; `has_memory`: it numbers lines by device."""

    name: str
    command: Callable[[Arena, int], list[str]]
    environment: Callable[[Arena, int], Mapping[str, str]] = lambda arena, worker: {}
    has_memory: bool = True


def hubbub(name: str, *arguments: str) -> Contestant:
    """Return hubbub with an engine."""

    def command(arena: Arena, worker: int) -> list[str]:
        run = [sys.executable, "-m", "pipelines.command_line", "run", "jobs.two_to_three:COUNTS"]
        return [*run, "--instance", str(worker), *arguments]

    return Contestant(name, command, lambda arena, worker: arena.settings(worker))


def peer(name: str, python: str = sys.executable) -> Contestant:
    """Return a way of chaos_peers.py; `python` is of the environment where its library is installed."""

    def command(arena: Arena, worker: int) -> list[str]:
        topics = [arena.prefix + topic.name for topic in (LINES, NUMBERED)]
        where = [arena.kafka.bootstrap, f"{arena.prefix}group", *topics, str(worker), str(arena.folder)]
        return [python, str(TESTS / "chaos_peers.py"), name, *where]

    return Contestant(name, command, has_memory=name == "quix")


@dataclass
class Arena:
    """One contestant at work on topics of its own."""

    kafka: LocalKafka
    contestant: Contestant
    folder: Path
    rng: Random
    prefix: str = field(default_factory=lambda: f"c{uuid.uuid4().hex[:10]}.")
    workers: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    fed: int = 0
    peak_bytes: int = 0
    own_exits: int = 0
    extra: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Arena:
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = load_settings(environment=self.settings(0), directory=TESTS)
        with open_broker(settings.broker, settings.kafka) as broker:
            broker.create_topics(topics_of([COUNTS]))
        self._producer = KafkaProducer(bootstrap_servers=self.kafka.bootstrap, acks="all", linger_ms=2)
        self.watcher = Watcher(self.kafka.bootstrap, self.prefix + NUMBERED.name)
        self.watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        for number in list(self.workers):
            self.kill(number)
        self.watcher.stop()
        self._producer.close()

    def settings(self, worker: int) -> dict[str, str]:
        """What hubbub's workers are told."""
        return {
            "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]),
            "HUBBUB_BROKER_URL": f"kafka://{self.kafka.bootstrap}",
            "HUBBUB_KAFKA_TOPIC_PREFIX": self.prefix,
            "HUBBUB_KAFKA_STATE_DIR": str(self.folder / "state"),
            "HUBBUB_KAFKA_SESSION_TIMEOUT_S": "6",
            "HUBBUB_JOB_BATCH_RECORDS": "50",
            **self.extra,
        }

    def start(self, number: int) -> None:
        """Start worker `number`, anew when it ran before."""
        log = (self.folder / f"worker-{number}.log").open("ab")
        with log:
            self.workers[number] = subprocess.Popen(
                self.contestant.command(self, number),
                env={**os.environ, **self.contestant.environment(self, number)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, number: int) -> None:
        """Kill a worker and all that it started."""
        process = self.workers.pop(number)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def tend(self) -> None:
        """Start again what ended by itself, and look at the memory of all."""
        for number, process in list(self.workers.items()):
            if process.poll() is not None:
                self.own_exits += 1
                self.workers.pop(number)
                self.start(number)
            else:
                self.peak_bytes = max(self.peak_bytes, memory_of(process.pid))

    def feed(self, count: int) -> int:
        """Write so many lines, half a second of event time apart; return the number of the first one."""
        first = self.fed
        for seq in range(first, first + count):
            device = f"d{int(self.rng.triangular(0, DEVICES, 0))}"
            at = (START + timedelta(seconds=seq / 2)).isoformat()
            row = {"device_id": device, "event_time": at, "message": f"line {seq}", "seq": seq}
            partition = partition_of_key(device.encode(), LINES.partitions)
            self._producer.send(
                self.prefix + LINES.name, key=device.encode(), value=orjson.dumps(row), partition=partition
            )
        self.fed += count
        self._producer.flush()
        return first

    def recovered(self, first: int, *, timeout_s: float = PATIENCE_S) -> float:
        """Wait until lines from number `first` on have come out of every partition; return the seconds it took."""
        started = time.monotonic()
        while self.watcher.least_newest() < first:
            if time.monotonic() - started > timeout_s:
                return timeout_s
            self.tend()
            time.sleep(0.02)
        return time.monotonic() - started

    def settle(self) -> None:
        """Wait until all that was fed has come out, or nothing comes any more."""
        seen, since = -1, time.monotonic()
        while (now := self.watcher.distinct()) < self.fed and time.monotonic() - since < QUIET_S + PATIENCE_S / 2:
            if now != seen:
                seen, since = now, time.monotonic()
            self.tend()
            time.sleep(0.2)
        time.sleep(1.0)

    def verdict(self) -> dict[str, int]:
        """Ask the verifier."""
        topics = [self.prefix + topic.name for topic in (LINES, NUMBERED)]
        command = [sys.executable, str(TESTS / "chaos_verifier.py"), self.kafka.bootstrap, *topics]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        if done.returncode != 0:
            raise AssertionError(f"no verdict: {done.stderr[-2000:]}")
        found: dict[str, int] = json.loads(done.stdout)
        return found

    def log_of(self, number: int) -> str:
        """What a worker has said last."""
        return (self.folder / f"worker-{number}.log").read_text(errors="replace")[-3000:]


def memory_of(pid: int) -> int:
    """Return the resident bytes of a process and its children."""
    try:
        process = psutil.Process(pid)
        return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)])
    except psutil.NoSuchProcess:
        return 0


class Watcher(threading.Thread):
    """Reads what comes out as it becomes visible: committed records only."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        super().__init__(daemon=True, name="watcher")
        self._consumer = KafkaConsumer(
            bootstrap_servers=bootstrap, isolation_level="read_committed", enable_auto_commit=False
        )
        parts = [TopicPartition(topic, number) for number in range(NUMBERED.partitions)]
        self._consumer.assign(parts)
        self._consumer.seek_to_beginning(*parts)
        self._ended = threading.Event()
        self._newest = [-1] * LINES.partitions
        self._seen: set[int] = set()

    def run(self) -> None:
        """Read until stopped."""
        while not self._ended.is_set():
            try:
                polled: Mapping[Any, Any] = self._consumer.poll(100, max_records=5_000)
            except KafkaError:  # the broker is away on purpose: what was not read will be
                time.sleep(0.1)
                continue
            for records in polled.values():
                for record in records:
                    row = orjson.loads(record.value)
                    self._seen.add(row["seq"])
                    number = partition_of_key(row["device_id"].encode(), LINES.partitions)
                    self._newest[number] = max(self._newest[number], row["seq"])
        self._consumer.close()

    def stop(self) -> None:
        """End it."""
        self._ended.set()
        self.join(20)

    def least_newest(self) -> int:
        """Return the newest line that came out of the partition that is furthest behind."""
        return min(self._newest)

    def distinct(self) -> int:
        """Return how many different lines came out."""
        return len(self._seen)
