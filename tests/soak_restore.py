"""R34: how long a worker takes to have its memory again, from its local snapshot and from the changelog alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import orjson
import psutil

from infra.broker import Broker, TopicPartition
from infra.broker_url import open_broker
from infra.local.kafka import LocalKafka
from infra.partitioner import partition_of_key
from infra.settings import load_settings
from pipelines.engines.graph import topics_of
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append
from tests.chaos_arena import TESTS, memory_of
from tests.jobs.counting import COUNTS, NUMBERED

MOST_S, MOST_WITH_SNAPSHOT_S = 60.0, 5.0
AT_ONCE = 5_000
LOOK_S = 0.02


def restore(kafka: LocalKafka, folder: Path, *, keys: int) -> bool:
    """Remember so many keys, then start anew with and without the local snapshot; return whether both were soon right.

    Soon is in proportion to a million keys, and counts from a worker's start until a line of each partition is out,
    less what the same takes where there is nothing to remember.
    """
    environment = {
        "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]),
        "HUBBUB_BROKER_URL": f"kafka://{kafka.bootstrap}",
        "HUBBUB_KAFKA_TOPIC_PREFIX": "restore.",
        "HUBBUB_KAFKA_STATE_DIR": str(folder / "state"),
        "HUBBUB_JOB_BATCH_RECORDS": str(AT_ONCE),
        "HUBBUB_JOB_TICK_S": "0",
    }
    folder.mkdir(parents=True)
    settings = load_settings(environment=environment, directory=TESTS)
    samples = list({partition_of_key(f"k{i}".encode(), 8): f"k{i}" for i in range(1_000)}.values())
    with open_broker(settings.broker, settings.kafka) as broker:
        broker.create_topics(topics_of([COUNTS]))
        empty_s, _ = _until_out(broker, environment, folder, [f"first-{name}" for name in samples], 1)
        for start in range(0, keys, AT_ONCE):
            broker.append([_line(f"k{i}") for i in range(start, min(keys, start + AT_ONCE))])
        began = time.monotonic()
        _run(environment, folder)
        filled_s = time.monotonic() - began
        kept_s, kept_bytes = _until_out(broker, environment, folder, samples, 2)
        shutil.rmtree(folder / "state" / "memory")
        wiped_s, wiped_bytes = _until_out(broker, environment, folder, samples, 3)
    print(
        f"restore: {keys:,} keys, worked through in {filled_s:.0f} s; a line of each partition is out {empty_s:.1f} s "
        f"after a start with no memory, {kept_s:.1f} s with the snapshot ({kept_bytes / 2**20:.0f} MiB), "
        f"{wiped_s:.1f} s from the changelog alone ({wiped_bytes / 2**20:.0f} MiB)"
    )
    share = max(0.1, keys / 1_000_000)  # of few keys, starts differ by more
    return kept_s - empty_s <= MOST_WITH_SNAPSHOT_S * share and wiped_s - empty_s <= MOST_S * share


def _line(device: str) -> Append:
    row = {"device_id": device, "event_time": "2026-03-01T00:00:00Z", "message": "m"}
    return Append(DEVICE_LOGS.name, device.encode(), orjson.dumps(row))


def _until_out(
    broker: Broker, environment: dict[str, str], folder: Path, devices: Sequence[str], number: int
) -> tuple[float, int]:
    """Send a line of each device, run a worker to the end; return seconds and its peak memory. Lines have `number`."""
    before = broker.ends([NUMBERED.name])
    broker.append([_line(device) for device in devices])
    began = time.monotonic()
    peak = _run(environment, folder)
    seconds = time.monotonic() - began
    found = {row["device_id"]: row["number"] for part, end in before.items() for row in _rows(broker, part, end)}
    assert found == dict.fromkeys(devices, number), "what was remembered is not what was counted"
    return seconds, peak


def _rows(broker: Broker, part: TopicPartition, start: int) -> list[dict[str, object]]:
    return [orjson.loads(one.value or b"") for one in broker.read(part, start, max_records=999, max_bytes=1 << 24)]


def _run(environment: dict[str, str], folder: Path) -> int:
    """Run a worker to the end; return its peak memory in bytes."""
    log = folder / "worker.log"
    command = [sys.executable, "-m", "pipelines.command_line", "run", "jobs.counting:COUNTS", "--until-end"]
    with log.open("ab") as out:
        process = psutil.Popen(command, env={**os.environ, **environment}, stdout=out, stderr=subprocess.STDOUT)
    peak = 0
    while process.poll() is None:
        peak = max(peak, memory_of(process.pid))
        time.sleep(LOOK_S)
    assert process.returncode == 0, log.read_text()[-2000:]
    return peak
