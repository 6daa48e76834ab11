"""A job that is killed at random goes on exactly once: nothing lost, nothing doubled, memory as an oracle has it.

The verifier reads the file with plain sqlite3 and orjson, never through hubbub's own readers.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter, defaultdict
from datetime import datetime
from functools import partial
from pathlib import Path

import orjson

from infra.sqlite.broker import SqliteBroker
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append
from tests.kafka_job import await_that
from tests.patience import PATIENCE_S

EVENTS = 20_000
KILLS = 20
DEVICES = 40
ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "pipelines.command_line", "run", "jobs.counting:COUNTS", "jobs.counting:SILENCES"]


def events(seed: int) -> list[dict[str, object]]:
    """Lines of devices that speak out of order by up to three seconds, and fall silent now and then."""
    source = random.Random(seed)
    start = datetime.fromisoformat("2026-03-01T08:00:00+00:00").timestamp()
    found = []
    for i in range(EVENTS):
        device = f"d{int(source.triangular(0, DEVICES, 0))}"
        at = start + i * 0.5 + source.uniform(-3, 0)
        moment = datetime.fromtimestamp(at, tz=datetime.fromisoformat("2026-03-01T00:00:00+00:00").tzinfo)
        found.append({"device_id": device, "event_time": moment.isoformat(), "message": f"line {i}", "seq": i})
    return found


def values(path: Path, topic: str) -> dict[int, list[dict[str, object]]]:
    """Every record of a topic by partition, in order, as plain SQL gives it."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT p.partition, r.value FROM records r JOIN partitions p ON p.id = r.place >> 40 WHERE p.topic = ? "
            "ORDER BY r.place",
            (topic,),
        ).fetchall()
    found: dict[int, list[dict[str, object]]] = defaultdict(list)
    for partition, value in rows:
        found[partition].append(orjson.loads(value))
    return found


def oracle_silences(lines: list[dict[str, object]], lateness_s: float) -> list[tuple[str, str]]:
    """What one partition's lines must have said about silences, worked out one row at a time."""
    said: list[tuple[str, str]] = []
    memory: dict[str, tuple[float | None, float]] = {}
    high = None

    def fire(watermark: float) -> None:
        due = sorted((d, key) for key, (d, _) in memory.items() if d is not None and d <= watermark)
        for _, key in due:
            said.append((key, "silent"))
            memory[key] = (None, memory[key][1])

    for line in lines:
        key, at = str(line["device_id"]), datetime.fromisoformat(str(line["event_time"])).timestamp()
        if high is not None:
            fire(high - lateness_s)
        deadline, last = memory.get(key, (0.0, 0.0))
        silent = key in memory and deadline is None
        if silent and at > last:
            said.append((key, "back"))
            silent = False
        last = max(last, at)
        memory[key] = (None if silent else last + 60, last)
        high = at if high is None else max(high, at)
    if high is not None:
        fire(high - lateness_s)
    return said


def test_killed_at_random_it_goes_on_exactly_once(tmp_path: Path) -> None:
    """SIGKILL 20 times while it works; then let it finish, and compare with the oracle."""
    seed = int(os.environ.get("HUBBUB_TEST_SEED", "20260301"))
    print(f"seed {seed}")
    source = random.Random(seed)
    path = tmp_path / "hubbub.db"
    lines = events(seed)
    with SqliteBroker(path) as broker:
        broker.create_topics([DEVICE_LOGS])
        broker.append([Append("device.logs", str(line["device_id"]).encode(), orjson.dumps(line)) for line in lines])
    environment = dict(
        os.environ, PYTHONPATH=os.pathsep.join([str(ROOT), str(ROOT.parent)]), HUBBUB_JOB_BATCH_RECORDS="50"
    )
    arguments = [*COMMAND, "--broker", f"sqlite:{path}"]
    kills = 0
    # On a machine that lets the job run while this process waits for its turn, it may be through before so many.
    while kills < KILLS and committed(path) < 2 * EVENTS:
        process = subprocess.Popen([*arguments], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = committed(path)
        # Let each process get to work, then end it at a random moment of it.
        await_that(partial(worked_since, path, before, process), "a commit")
        assert process.poll() is None, "the job ended by itself"
        time.sleep(source.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    print(f"killed {kills} times, the last time at {committed(path)} of {2 * EVENTS}")
    finished = subprocess.run(
        [*arguments, "--until-end"], env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert finished.returncode == 0, finished.stderr

    inputs = values(path, "device.logs")
    numbered = values(path, "test.numbered")
    seen = Counter(row["seq"] for rows in numbered.values() for row in rows)
    assert set(seen) == set(range(EVENTS)), f"{EVENTS - len(seen)} lost"
    assert set(seen.values()) == {1}, "doubled"
    for partition, rows in inputs.items():
        counts: Counter[object] = Counter()
        for line, answer in zip(rows, numbered[partition], strict=True):
            counts[line["device_id"]] += 1
            assert (answer["seq"], answer["number"]) == (line["seq"], counts[line["device_id"]])
        said = [(row["device_id"], row["state"]) for row in values(path, "test.silences")[partition]]
        assert said == oracle_silences(rows, lateness_s=10.0)
    assert not values(path, "dead.letters")


def worked_since(path: Path, before: int, process: subprocess.Popen[bytes]) -> bool:
    """Tell whether more is committed than before, or nothing more will be."""
    return committed(path) > before or process.poll() is not None


def committed(path: Path) -> int:
    """How many records the two jobs have committed, over all partitions."""
    with sqlite3.connect(path) as connection:
        (total,) = connection.execute("SELECT COALESCE(SUM(next), 0) FROM offsets").fetchone()
    return int(total)
