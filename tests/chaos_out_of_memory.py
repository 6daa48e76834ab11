"""R19: a record that makes its worker take more memory than it may have, and the kernel kills it.

The job works in a memory group of its own (cgroup, version 1 or 2; making one needs root). The record kills it as often
as a crash pill may; then it is a dead letter, and all others are through, once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from infra.broker import Broker
from pipelines.engines.graph import topics_of
from schemas.dead_letters import DEAD_LETTERS
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append
from tests.jobs.fragile import COPIES, COPY
from tests.sameness_outcome import records_of
from tests.sameness_runs import ROOT, SameEngine

LINES = 2_000
LIMIT_MIB = 300
MOST_STARTS = 8
RUN_S = 300.0
GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Starved:
    """What came of it with one engine."""

    engine: str
    copies: int
    doubled: int
    letters: Counter[tuple[str, str]]
    ended_with: list[int]
    seconds: float

    @property
    def as_promised(self) -> bool:
        """Whether the kernel killed it three times, one record paid for it, and no other was lost."""
        return (
            self.ended_with == [-signal.SIGKILL] * 3 + [0]
            and self.copies == LINES
            and self.letters == {("hoard", "crash_loop"): 1}
        )

    def line(self) -> str:
        """One line for people."""
        return (
            f"out of memory          {self.engine:<24} {LINES + 1:,} records: {self.copies:,} copies, {self.doubled} "
            f"doubled, dead letters {dict(self.letters)}; ended with {self.ended_with}; {self.seconds:.0f} s"
        )


@contextmanager
def memory_group(mib: int) -> Iterator[Path]:
    """Make a group of processes that together have so much memory; gives its `cgroup.procs`."""
    unified = not (GROUPS / "memory").is_dir()
    group = (GROUPS if unified else GROUPS / "memory") / f"hubbub-chaos-{os.getpid()}"
    group.mkdir()
    try:
        (group / ("memory.max" if unified else "memory.limit_in_bytes")).write_text(str(mib << 20))
        yield group / "cgroup.procs"
    finally:
        group.rmdir()


def run_starved(engine: SameEngine, folder: Path) -> Starved:
    """Let an engine work through the lines, starting it again as often as the kernel kills it."""
    started = time.monotonic()
    folder.mkdir(parents=True)
    place = engine.place(folder)
    with place.open() as broker:
        broker.create_topics(topics_of([COPY]))
        broker.append([_line(number) for number in range(LINES // 2)])
        broker.append([_record("hoard", "hoard")])
        broker.append([_line(number) for number in range(LINES // 2, LINES)])
        ended_with: list[int] = []
        with memory_group(LIMIT_MIB) as processes:
            while len(ended_with) < MOST_STARTS and (not ended_with or ended_with[-1]):
                ended_with.append(_work(engine, place.environment, folder, processes))
        copies = [dict(one.headers)["ce_hubbubid"] for one in records_of(broker, COPIES.name)]
        return Starved(
            engine.name,
            len(set(copies)),
            len(copies) - len(set(copies)),
            _letters(broker),
            ended_with,
            time.monotonic() - started,
        )


def _record(case: str, message: str) -> Append:
    value = orjson.dumps({"device_id": "good", "message": message})
    return Append(DEVICE_LOGS.name, b"good", value, (("case", case.encode()),))


def _line(number: int) -> Append:
    return _record(f"line {number}", f"link {number} down")


def _work(engine: SameEngine, environment: Mapping[str, str], folder: Path, processes: Path) -> int:
    """Run to the end within the group; return how it ended."""
    run = [sys.executable, "-m", "pipelines.command_line", "run", "jobs.fragile:COPY", "--until-end", *engine.arguments]
    with (folder / "run.log").open("ab") as log:
        process = subprocess.Popen(
            ["/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"', str(processes), *run],
            env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), str(ROOT)])},
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    return process.wait(RUN_S)


def _letters(broker: Broker) -> Counter[tuple[str, str]]:
    """Count the dead letters by case and reason, repeated ones once."""
    by_id = {dict(one.headers)["dlq.id"]: dict(one.headers) for one in records_of(broker, DEAD_LETTERS.name)}
    return Counter((one["case"].decode(), one["dlq.reason"].decode()) for one in by_id.values())
