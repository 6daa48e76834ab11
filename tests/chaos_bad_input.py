"""R21, R22, R23, R29: what breaks parsers, a compression bomb, a record that kills its process; on any engine.

The same records go to every engine: 340 JSON files and 515 naughty strings, each beside a good line, then what has a
reason of its own. Expected is what tests/integration/test_bad_input.py holds the embedded engine on SQLite to: its
dead letters, by record and reason. The bomb lies on Kafka only; there it must be one dead letter a record of it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from infra.broker import Broker
from infra.kafka.bounded_codec import ZSTD
from pipelines.engines.graph import topics_of
from schemas.dead_letters import DEAD_LETTERS
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append
from tests.integration.test_bad_input import json_files, naughty_strings
from tests.jobs.fragile import COPIES, COPY
from tests.kafka_bombs import bomb_batch, send_batch
from tests.sameness_outcome import records_of
from tests.sameness_runs import ROOT, Place, SameEngine

MOST_STARTS = 8
RUN_S = 600.0
BOMB_RECORDS = 1_024  # of 1 MiB: 1 GiB from some 33 KB
BOMB_PARTITION = 5
DEVICE = b"good"


@dataclass(frozen=True, slots=True)
class Poisoned:
    """What came of it with one engine."""

    engine: str
    records: int
    copies: int
    letters: Counter[tuple[str, str]]
    bombs: int
    deaths: int
    peak_bytes: int
    seconds: float

    def line(self, expected: Counter[tuple[str, str]]) -> str:
        """One line for people."""
        missing, extra = expected - self.letters, self.letters - expected
        exact = "dead letters exact" if not missing and not extra else f"missing {missing}, extra {extra}"
        return (
            f"bad input              {self.engine:<24} {self.records:,} records: {self.copies:,} copies, "
            f"{self.letters.total():,} dead letters, {exact}; bomb: {self.bombs} dead letters; {self.deaths} deaths by "
            f"the crash pill; {self.peak_bytes / 2**20:.0f} MiB; {self.seconds:.0f} s"
        )


def poison(*, with_pill: bool) -> list[Append]:
    """The records, each with its name in a header."""

    def line(name: str, value: bytes, key: bytes = DEVICE) -> Append:
        return Append(DEVICE_LOGS.name, key, value, (("case", name.encode()), ("raw", b"\xff\x00")))

    def event(**fields: object) -> bytes:
        return orjson.dumps({"device_id": "good", "message": "link down", **fields})

    found = []
    for name, value in json_files():
        found += [line(name, value), line(f"good beside {name}", event())]
    for number, text in enumerate(naughty_strings()):
        found.append(line(f"blns {number}", event(message=text, **{f"unknown {text}": text})))
    ahead = (datetime.now(UTC) + timedelta(days=3650)).isoformat()
    found += [
        line("ten years ahead", event(event_time=ahead)),
        line("key of other bytes", event(), b"\xff\xfe"),
        line("tombstone", b""),
        line("deep", b"[" * 100_000),
        line("many digits", event(n=0).replace(b'"n":0', b'"n":' + b"9" * 5_000)),
        line("too large", event(message="x" * (1 << 20))),
        line("row error", event(message="error")),
        line("raises", event(message="raise")),
        *(line(f"good {n}", event()) for n in range(20)),
    ]
    if with_pill:
        found.append(line("crash pill", event(message="abort")))
    found += [line(f"good at last {n}", event()) for n in range(20)]
    return found


def run_poisoned(engine: SameEngine, folder: Path, *, with_pill: bool, bootstrap: str | None = None) -> Poisoned:
    """Let an engine work through the records, starting it again as often as the pill kills it."""
    started = time.monotonic()
    folder.mkdir(parents=True)
    place = engine.place(folder)
    records = poison(with_pill=with_pill)
    with place.open() as broker:
        broker.create_topics(topics_of([COPY]))
        broker.append(records)
        if bootstrap is not None:
            topic = place.environment["HUBBUB_KAFKA_TOPIC_PREFIX"] + DEVICE_LOGS.name
            send_batch(bootstrap, topic, BOMB_PARTITION, bomb_batch(ZSTD, records=BOMB_RECORDS))
        deaths, peak = _work(engine, place, folder)
        return Poisoned(
            engine.name,
            len(records),
            len({dict(one.headers)["ce_hubbubid"] for one in records_of(broker, COPIES.name)}),
            *_letters(broker),
            deaths,
            peak,
            time.monotonic() - started,
        )


def _work(engine: SameEngine, place: Place, folder: Path) -> tuple[int, int]:
    """Run to the end; return how often it died, and the most memory that one of its processes held."""
    environment = {
        **os.environ,
        **place.environment,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), str(ROOT)]),
    }
    command = [sys.executable, "-m", "pipelines.command_line", "run", "jobs.fragile:COPY", "--until-end"]
    peak = 0
    for deaths in range(MOST_STARTS):
        log = (folder / "run.log").open("ab")
        with log:
            process = subprocess.Popen(
                [*command, *engine.arguments],
                env=environment,
                cwd=folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + RUN_S
        while process.poll() is None:
            peak = max(peak, _peak_of(process.pid))
            if time.monotonic() > until:
                os.killpg(process.pid, signal.SIGKILL)
                raise AssertionError(f"{engine.name} stands still: {(folder / 'run.log').read_text()[-3000:]}")
            time.sleep(0.05)
        if process.returncode == 0:
            return deaths, peak
        said = (folder / "run.log").read_text(errors="replace")[-3000:]
        assert process.returncode == -signal.SIGABRT, f"{engine.name} ended with {process.returncode}: {said}"
    raise AssertionError(f"{engine.name} died {MOST_STARTS} times")


def _peak_of(pid: int) -> int:
    """The most memory that a process has held (VmHWM)."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = [line for line in text.splitlines() if line.startswith("VmHWM")]
    return int(found[0].split()[1]) * 1024 if found else 0


def _letters(broker: Broker) -> tuple[Counter[tuple[str, str]], int]:
    """Count the dead letters by case and reason, repeated ones once; and those of the bomb."""
    letters: Counter[tuple[str, str]] = Counter()
    seen: set[bytes] = set()
    bombs = 0
    for record in records_of(broker, DEAD_LETTERS.name):
        headers = dict(record.headers)
        if headers["dlq.id"] in seen:
            continue
        seen.add(headers["dlq.id"])
        reason = headers["dlq.reason"].decode()
        if reason == "bomb":
            bombs += 1
        else:
            letters[headers["case"].decode(), reason] += 1
    return letters, bombs
