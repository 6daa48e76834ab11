"""`make soak`: work for a long time with a fault every while; nothing lost, nothing grows. Figures: RELIABILITY.md.

`python -m tests.soak faults [--minutes 15] [--every 60]` (R20): two workers, a steady stream of lines, and by seed one
fault after another: a worker killed, stopped in order, put to sleep, a third one that comes and goes, the broker
restarted or killed. Worker 0 is spared the first three, so that its memory, files and threads tell what grows.

`python -m tests.soak memory [--readings 1000000]` (R18): readings of ever new devices, old ones falling silent, through
the pipeline `telemetry` on Kafka; memory must follow the devices that are alive, not all that ever were.

`python -m tests.soak restore [--keys 1000000]` (R34): how soon a worker has its memory again (tests/soak_restore.py).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import orjson
import psutil

from infra.broker_url import open_broker
from infra.local.kafka import LocalKafka
from infra.settings import load_settings
from pipelines.catalog import shipped_pipeline
from pipelines.engines.graph import topics_of
from schemas.record import Append
from tests.chaos import EMBEDDED
from tests.chaos_arena import TESTS, Arena
from tests.chaos_kills import WORKERS, result_of
from tests.kafka_job import await_that
from tests.soak_restore import restore

FAULTS = ("worker killed", "worker stopped", "worker asleep", "third worker", "broker restarted", "broker killed")
SLEEP_S = 9.0
LOOK_S = 2.0
FEW_FILES = 3


@dataclass(frozen=True)
class Sample:
    """What a process holds at a moment."""

    at_s: float
    bytes: int
    files: int
    threads: int

    @staticmethod
    def of(process: psutil.Process, started: float) -> Sample:
        """Look at a process."""
        return Sample(time.monotonic() - started, process.memory_info().rss, process.num_fds(), process.num_threads())


def faults(kafka: LocalKafka, folder: Path, *, minutes: float, every_s: float, rate: int, seed: int) -> bool:
    """Run with a fault every `every_s` seconds; return whether nothing was lost or doubled and nothing grew."""
    rng = Random(f"soak/{seed}")
    started = time.monotonic()
    done: dict[str, int] = dict.fromkeys(FAULTS, 0)
    recoveries: list[float] = []
    samples: list[Sample] = []
    with Arena(kafka, EMBEDDED, folder, rng) as arena:
        for number in range(WORKERS):
            arena.start(number)
        arena.recovered(arena.feed(200))
        watched = psutil.Process(arena.workers[0].pid)
        due = time.monotonic() + every_s * rng.uniform(0.3, 0.7)
        while time.monotonic() - started < minutes * 60:
            arena.feed(int(rate * LOOK_S))
            arena.tend()
            samples.append(Sample.of(watched, started))
            if time.monotonic() >= due:
                fault = rng.choice(FAULTS)
                _fault(arena, fault, rng)
                done[fault] += 1
                recoveries.append(arena.recovered(arena.feed(100)))
                due += every_s
            time.sleep(LOOK_S)
        result = result_of(f"soak {minutes:.0f} min", arena, sum(done.values()), recoveries, started, seed)
    half = samples[len(samples) // 2 :]
    grown = {name: _growth([getattr(one, name) for one in half]) for name in ("bytes", "files", "threads")}
    held = f"{half[0].files} to {half[-1].files} files, {half[0].threads} to {half[-1].threads} threads"
    result.notes = f"{done}; in the last half memory {grown['bytes']:+.1%}, {held}"
    print(result.line())
    print(json.dumps({"verdict": result.verdict, "faults": done, "growth": grown, "recoveries_s": recoveries}))
    # A connection more or less is no leak; one a fault would be.
    leaks = half[-1].files - half[0].files > FEW_FILES or half[-1].threads - half[0].threads > FEW_FILES
    return result.exactly_once and grown["bytes"] <= 0.05 and not leaks


def _fault(arena: Arena, fault: str, rng: Random) -> None:
    victim = 1
    if fault == "worker killed":
        arena.kill(victim)
        arena.start(victim)
    elif fault == "worker stopped":
        process = arena.workers.pop(victim)
        process.terminate()
        assert process.wait(60) == 0, arena.log_of(victim)
        arena.start(victim)
    elif fault == "worker asleep":
        arena.workers[victim].send_signal(signal.SIGSTOP)
        time.sleep(SLEEP_S)
        arena.workers[victim].send_signal(signal.SIGCONT)
    elif fault == "third worker":
        arena.start(WORKERS)
        time.sleep(rng.uniform(3, 8))
        arena.kill(WORKERS)
    elif fault == "broker restarted":
        arena.kafka.stop()
        time.sleep(rng.uniform(0, 5))
        arena.kafka.start()
    else:
        arena.kafka.kill()
        time.sleep(rng.uniform(0, 5))
        arena.kafka.start()


def _growth(values: Sequence[int]) -> float:
    """How much higher the last quarter of some values lies than the first, as a share; their medians, for they jump."""
    quarter = max(1, len(values) // 4)
    first, last = sorted(values[:quarter]), sorted(values[-quarter:])
    return last[len(last) // 2] / first[len(first) // 2] - 1


def memory(kafka: LocalKafka, folder: Path, *, readings: int, devices: int, seed: int) -> bool:
    """Feed readings of devices that live one after another; return whether memory stopped growing with them."""
    rng = Random(f"memory/{seed}")
    environment = {
        "HUBBUB_BROKER_URL": f"kafka://{kafka.bootstrap}",
        "HUBBUB_KAFKA_TOPIC_PREFIX": "soak.",
        "HUBBUB_KAFKA_STATE_DIR": str(folder / "state"),
    }
    folder.mkdir(parents=True)
    settings = load_settings(environment=environment, directory=TESTS)
    # A reading a minute: the devices alive are those of the last weeks, a fixed share of all.
    first_us, alive = 1_600_000_000_000_000, max(1, devices // 20)
    points: list[tuple[int, int]] = []
    with open_broker(settings.broker, settings.kafka) as broker:
        broker.create_topics(topics_of([shipped_pipeline("telemetry")]))
        command = [sys.executable, "-m", "pipelines.command_line", "run", "telemetry"]
        log = (folder / "worker.log").open("wb")
        with log:
            process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log)
        try:
            watched = psutil.Process(process.pid)
            step, fed = max(1, readings // 50), 0
            while fed < readings:
                appends = []
                for number in range(fed, fed + step):
                    oldest = int((devices - alive) * number / readings)
                    device = f"d{oldest + rng.randrange(alive)}"
                    at = first_us + number * 60_000_000
                    row = {"device_id": device, "event_time": _text(at), "metric": "temp_c", "value": rng.gauss(20, 1)}
                    appends.append(Append("device.telemetry", device.encode(), orjson.dumps(row)))
                for start in range(0, len(appends), 5_000):
                    broker.append(appends[start : start + 5_000])
                fed += step
                wanted = fed
                await_that(
                    lambda wanted=wanted: sum(broker.ends(["device.telemetry.enriched"]).values()) >= wanted,  # type: ignore[misc]
                    f"{fed} readings to be judged",
                    timeout_s=600,
                )
                points.append((fed, watched.memory_info().rss))
        finally:
            process.kill()
            process.wait()
    half = points[len(points) // 2 :]
    slope = (half[-1][1] - half[0][1]) / max(1, half[-1][0] - half[0][0]) * 100_000 / 2**20
    print(
        f"memory: {readings:,} readings of {devices:,} devices, {alive:,} alive: {points[0][1] / 2**20:.0f} MiB at "
        f"first, {half[0][1] / 2**20:.0f} at half, {points[-1][1] / 2**20:.0f} in the end; {slope:+.2f} MiB a 100,000 "
        f"readings in the last half; seed {seed}"
    )
    return slope <= 1.0


def _text(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat()


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for; 0 when all held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", default=["faults", "memory", "restore"])
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--every", type=float, default=60.0)
    parser.add_argument("--rate", type=int, default=300, help="lines a second")
    parser.add_argument("--readings", type=int, default=1_000_000)
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=20260301)
    asked = parser.parse_args(arguments)
    good = True
    with tempfile.TemporaryDirectory(prefix="hubbub-soak-") as name:
        for what in asked.what:
            folder = Path(name) / what
            with LocalKafka(folder / "kafka") as kafka:
                if what == "faults":
                    good &= faults(
                        kafka,
                        folder / "job",
                        minutes=asked.minutes,
                        every_s=asked.every,
                        rate=asked.rate,
                        seed=asked.seed,
                    )
                elif what == "restore":
                    good &= restore(kafka, folder / "job", keys=asked.keys)
                else:
                    good &= memory(
                        kafka, folder / "job", readings=asked.readings, devices=asked.devices, seed=asked.seed
                    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
