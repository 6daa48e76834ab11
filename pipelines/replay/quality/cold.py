"""The cold half as the replay sees it: a process that is started early, given a time, and read when it is done."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from pipelines.replay.history import History
from pipelines.replay.quality import validate
from pipelines.replay.quality.windows import REFUSED, windows_of, write_windows
from pipelines.replay.survey import Survey
from schemas.expectations import expectations
from schemas.safe_text import safe_text
from schemas.topic import Topic

LIBRARY: Final = "great_expectations"
INSTALL: Final = "pip install 'hubbub[quality]'"
_OVERTIME: Final = 0.2  # of the budget, for the pages of what was validated in it
_LEAST_OVERTIME_S: Final = 2.0
_LOOK_EVERY_S: Final = 0.1
_NOT_PASSED: Final = ("HUBBUB_", "PYTHON", "GX_")
Status = Literal["done", "out of time", "not installed", "failed"]


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation over one window: rows that it was about, rows that break it, and some of their values."""

    topic: str
    window: str
    sentence: str
    success: bool
    rows: int
    broken: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class ColdQuality:
    """What the cold suite found. `note` says in a sentence what a reader should know beside it; `docs` is the folder
    of its pages, None where there are none; `pages` their paths in it, by topic and window."""

    status: Status
    windows: int = 0
    checks: tuple[Check, ...] = ()
    notes: tuple[str, ...] = ()
    docs: Path | None = None
    pages: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[Check, ...]:
        """What does not hold."""
        return tuple(check for check in self.checks if not check.success)


@dataclass
class ColdSuite:
    """The running process."""

    folder: Path
    budget_s: float
    process: subprocess.Popen[bytes] | None
    notes: Sequence[str] = ()
    began: float = field(default_factory=time.monotonic)

    def result(self, stop: threading.Event) -> ColdQuality:
        """Wait until it is done, its time and a little more is up, or `stop` is set, and return what it found."""
        if self.process is None:
            return _missing()
        ends = self.began + self.budget_s + max(_LEAST_OVERTIME_S, _OVERTIME * self.budget_s)
        while (status := self.process.poll()) is None and time.monotonic() < ends and not stop.wait(_LOOK_EVERY_S):
            pass
        if status is None:
            self.stop()
        windows, checks, errors = _findings(self.folder / "findings.jsonl")
        wanted = json.loads((self.folder / "wanted.json").read_text(encoding="utf-8"))
        docs = self.folder / "docs"
        notes = [*self.notes, *dict.fromkeys(errors)]
        if status not in (0, None):
            said = (self.folder / "said.txt").read_bytes().decode("utf-8", "replace").strip().splitlines()
            notes.append(f"Great Expectations ended with status {status}: {safe_text((said or [''])[-1], 300)}")
            return ColdQuality("failed", windows, checks, tuple(notes))
        if windows < wanted or status is None:
            done = f"{windows} of {wanted} windows were validated"
            notes.append(f"data quality: {done} in {self.budget_s:g} s; --quality-budget gives it more")
        finished = windows == wanted and status == 0
        has_docs = status == 0 and (docs / "index.html").exists()
        return ColdQuality(
            "done" if finished else "out of time",
            windows,
            checks,
            tuple(notes),
            docs if has_docs else None,
            _pages(self.folder / "pages.json") if has_docs else {},
        )

    def stop(self) -> None:
        """End the process, wherever it is; idempotent."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def start_cold_suite(
    history: History, topics: Mapping[str, Topic], survey: Survey, folder: Path, budget_s: float
) -> ColdSuite | None:
    """Write the windows and start the process; None for a history of nothing. Without the library it only says so."""
    windows = windows_of(survey)
    if windows is None:
        return None
    if importlib.util.find_spec(LIBRARY) is None:
        return ColdSuite(folder, budget_s, None)
    notes = write_windows(history, topics, windows, folder)
    read = [topic for topic in history.topics if (folder / f"{topic}.parquet").exists()]
    expected = {topic: _expected(topics[topic]) for topic in read}
    (folder / "expectations.json").write_text(json.dumps(expected), encoding="utf-8")
    (folder / "wanted.json").write_text(json.dumps(_count_windows(folder, read)), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED)}
    environment |= {"GX_ANALYTICS_ENABLED": "false", "HOME": str(folder), "TMPDIR": str(folder)}
    command = [sys.executable, "-I", "-W", "ignore", str(Path(validate.__file__)), str(folder), str(budget_s)]
    with (folder / "said.txt").open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - our own script, by the interpreter that runs now
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=folder, env=environment
        )
    return ColdSuite(folder, budget_s, process, notes)


def _expected(topic: Topic) -> list[dict[str, Any]]:
    """Return the expectations of a topic as JSON, that no record was refused first."""
    refused = {"column": REFUSED, "kind": "none", "mostly": 1.0, "only_where": None}
    return [refused | {"sentence": "the record is a row of its topic"}] + [
        dataclasses.asdict(one) | {"sentence": str(one)} for one in expectations(topic)
    ]


def _count_windows(folder: Path, topics: Sequence[str]) -> int:
    import pyarrow.parquet as pq  # noqa: PLC0415 - Parquet is slow to import

    tables = (pq.read_table(folder / f"{topic}.parquet", columns=["window"]) for topic in topics)
    return sum(len(table.column("window").unique()) for table in tables)


def _findings(path: Path) -> tuple[int, tuple[Check, ...], list[str]]:
    """Return how many windows were validated, the checks, and what the library could not work out."""
    checks, errors, windows = [], [], 0
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            found = json.loads(line)
        except json.JSONDecodeError:
            break  # the process was ended while it wrote
        windows += 1
        for one in found["checks"]:
            if one["error"] is not None:
                errors.append(f"Great Expectations could not check that {one['sentence']}: {one['error']}")
            checks.append(
                Check(
                    found["topic"], found["window"], one["sentence"], one["success"], one["rows"], one["broken"],
                    tuple(one["examples"]),
                )
            )  # fmt: skip
    return windows, tuple(checks), errors


def _pages(path: Path) -> dict[tuple[str, str], str]:
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return {(name.rpartition(" ")[0], name.rpartition(" ")[2]): page for name, page in found.items() if page}


def _missing() -> ColdQuality:
    return ColdQuality("not installed", notes=(f"Great Expectations is not installed: {INSTALL}",))
