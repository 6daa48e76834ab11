"""A process that dies at each of the places where dying is hardest: the next one goes on exactly once."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from infra.sqlite.broker import SqliteBroker
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append

ROOT = Path(__file__).parent.parent
LINES = 400
# Those that the embedded engine passes; the others belong to engines with a local snapshot or a rebalance protocol.
PASSED = (
    "after_poll",
    "after_infer",
    "after_state",
    "after_produce",
    "after_send_offsets",
    "during_end_transaction",
    "after_commit",
    "in_dead_letter",
)


def run(path: Path, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    environment = dict(
        os.environ,
        PYTHONPATH=os.pathsep.join([str(ROOT), str(ROOT.parent)]),
        HUBBUB_JOB_BATCH_RECORDS="20",
        HUBBUB_FAILPOINT=failpoint,
    )
    command = [sys.executable, "-m", "pipelines.command_line", "run", "jobs.counting:COUNTS", "jobs.counting:SILENCES"]
    return subprocess.run(
        [*command, "--until-end", "--broker", f"sqlite:{path}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def fill(path: Path) -> None:
    with SqliteBroker(path) as broker:
        broker.create_topics([DEVICE_LOGS])
        rows = [
            {
                "device_id": f"d{i % 7}",
                "event_time": f"2026-03-01T{8 + i // 60 % 12:02d}:{i % 60:02d}:00Z",
                "message": f"line {i}",
            }
            for i in range(LINES)
        ]
        broker.append([Append("device.logs", str(row["device_id"]).encode(), orjson.dumps(row)) for row in rows])
        broker.append([Append("device.logs", f"d{i % 7}".encode(), b"no json") for i in range(20)])


def outcome(path: Path) -> list[tuple[object, ...]]:
    """Everything that was put out and remembered, in order; what a dead letter says of its own time left out."""
    with sqlite3.connect(path) as connection:
        records = connection.execute(
            "SELECT p.topic, p.partition, r.place & 0xFFFFFFFFFF, r.key, r.value FROM records r "
            "JOIN partitions p ON p.id = r.place >> 40 WHERE p.topic != 'device.logs' ORDER BY 1, 2, 3"
        ).fetchall()
        memory = connection.execute(
            "SELECT s.grp, s.name, m.key, m.value, m.deadline "
            "FROM state m JOIN streams s ON s.id = m.stream ORDER BY 1, 2, 3"
        ).fetchall()
        offsets = connection.execute("SELECT * FROM offsets ORDER BY 1, 2, 3").fetchall()
    by_key = sorted(records, key=lambda row: (row[0], row[1], row[0] != "dead.letters" and row[2], row[3], row[4]))
    return [
        *(
            (topic, part, None if topic == "dead.letters" else offset, key, value)
            for topic, part, offset, key, value in by_key
        ),
        *memory,
        *offsets,
    ]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[object, ...]]:
    path = tmp_path_factory.mktemp("undisturbed") / "hubbub.db"
    fill(path)
    done = run(path)
    assert done.returncode == 0, done.stderr
    return outcome(path)


@pytest.mark.parametrize("name", PASSED)
@pytest.mark.parametrize("passes", [3])
def test_killed_there_it_goes_on_as_if_nothing_had_been(
    tmp_path: Path, undisturbed: list[tuple[object, ...]], name: str, passes: int
) -> None:
    path = tmp_path / "hubbub.db"
    fill(path)
    killed = run(path, f"{name}:{passes}:kill")
    assert killed.returncode == -9, f"it never passed {name}: {killed.stderr}"
    done = run(path)
    assert done.returncode == 0, done.stderr
    assert outcome(path) == undisturbed


@pytest.mark.parametrize("name", PASSED)
def test_an_outage_there_is_an_outage_and_nothing_is_lost(
    tmp_path: Path, undisturbed: list[tuple[object, ...]], name: str
) -> None:
    path = tmp_path / "hubbub.db"
    fill(path)
    failed = run(path, f"{name}:2:raise")
    assert failed.returncode == 3, failed.stderr
    assert "Traceback" not in failed.stderr
    assert run(path).returncode == 0
    assert outcome(path) == undisturbed
