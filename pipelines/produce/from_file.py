"""A file into a topic, exactly once: checked as a whole, then written in chunks that a second run resumes."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from infra.broker import Broker
from pipelines.bad_input import BadInput
from pipelines.produce.check import Check, append_of, chunks
from pipelines.produce.row import BadRow, Row, Rows
from schemas.identity import file_row_id, identity

# So many mistakes are shown; who has more has one mistake many times.
MOST_SHOWN = 10
Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check of a file found."""

    sha256: str
    rows: int
    last_line: int
    bad: int
    shown: tuple[BadRow, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """How far the writing came: rows of this run, rows that an earlier run had written, and whether all are in."""

    rows: int
    before: int
    complete: bool
    line: int


class InputFile:
    """A file that is read twice, once to check it and once to write it, and must be the same both times.

    `read` gives its rows anew each time. Only one process at a time may work on it: two would both write.
    """

    def __init__(self, path: Path, read: Callable[[IO[bytes]], Rows], check: Check) -> None:
        self._path = path
        self._read = read
        self._check = check
        self._file = path.open("rb")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise BadInput(f"{path} is being produced by another process already") from None
        except OSError:
            pass  # a file system without locks
        self._seen = self._stamp()

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def check(self, advance: Advance) -> Checked:
        """Read and check every row; nothing is written. `advance` is told how many rows were read."""
        digest = hashlib.file_digest(self._file, "sha256").hexdigest()
        rows = bad = last = 0
        shown: list[BadRow] = []
        for chunk in chunks(self._rows()):
            good, refused = self._check(chunk)
            rows += len(good)
            bad += len(refused)
            shown += refused[: MOST_SHOWN - len(shown)]
            last = chunk[-1].line
            advance(len(chunk))
        return Checked(digest, rows, last, bad, tuple(shown))

    def write(
        self, broker: Broker, topic: str, checked: Checked, options: str, advance: Advance, stop: Callable[[], bool]
    ) -> Written:
        """Write the rows that no earlier run has written; when `stop` says so it ends behind a whole chunk.

        BadInput when an earlier run read the same file by other `options`: its rows have their ids already.
        """
        self._refuse_other_options(broker, f"produce:{checked.sha256}:{topic}:options", options)
        name = f"produce:{checked.sha256}:{topic}:{broker.topics()[topic]}"
        done = broker.progress(name) or 0
        written = before = 0
        for chunk in chunks(self._rows()):
            if stop():
                break
            self._refuse_changed()
            rows = [row for row in chunk if isinstance(row, Row)]
            new = [row for row in rows if row.line > done]
            before += len(rows) - len(new)
            if new:
                ids = [row.event_id or file_row_id(checked.sha256, row.line) for row in new]
                appends = [append_of(topic, row, one) for row, one in zip(new, ids, strict=True)]
                broker.append(appends, progress=(name, new[-1].line))
                done = new[-1].line
                written += len(new)
            advance(len(chunk))
        return Written(written, before, written + before == checked.rows, done)

    def _refuse_other_options(self, broker: Broker, name: str, options: str) -> None:
        code = int(identity(options)[:12], 16)
        earlier = broker.progress(name)
        if earlier is None:
            broker.append([], progress=(name, code))
        elif earlier != code:
            raise BadInput(
                "this file was written to the topic before with another --format, --timezone, --year or --device; its "
                "rows keep the ids and times they were given then, so nothing was written"
            )

    def _rows(self) -> Rows:
        self._file.seek(0)
        return self._read(self._file)

    def _stamp(self) -> tuple[int, int]:
        status = os.fstat(self._file.fileno())
        return status.st_size, status.st_mtime_ns

    def _refuse_changed(self) -> None:
        if self._stamp() != self._seen:
            raise BadInput(
                f"{self._path} changed while it was being read; what was written before is whole, run it again"
            )
