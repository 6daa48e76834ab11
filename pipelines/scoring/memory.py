"""The memory of a task between lines, and between runs in a file: what an engine would keep of each key."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from infra.broker import StateRow
from pipelines.bad_input import BadInput

FORMAT = "hubbub score state 1"


class _File(msgspec.Struct, frozen=True):
    """What a state file holds. `rows`: key to (memory as pipelines/engines/state_rows.py writes it, expires_at)."""

    format: str
    task: str
    high_us: int
    rows: dict[str, tuple[bytes, int | None]]


class Memory:
    """The memory of all keys. `high_us`: the highest event time that was met, which is memory of the stream itself."""

    def __init__(self, task: str) -> None:
        self.task = task
        self.high_us: int | None = None
        self._rows: dict[str, tuple[bytes, int | None]] = {}

    @classmethod
    def loaded(cls, task: str, path: Path) -> Memory:
        """Return what a file holds; nothing where there is no file yet; BadInput when it is no such file."""
        memory = cls(task)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return memory
        try:
            found = msgspec.msgpack.decode(data, type=_File)
        except msgspec.MsgspecError as error:
            raise BadInput(f"{path}: expected a file that `hubbub score --state` wrote, got another one") from error
        if found.format != FORMAT or found.task != task:
            raise BadInput(f"{path}: expected {FORMAT!r} of the task {task}, got {found.format!r} of {found.task}")
        memory.high_us = found.high_us
        memory._rows = found.rows
        return memory

    def save(self, path: Path, high_us: int) -> None:
        """Write everything to a file, whole or not at all."""
        data = msgspec.msgpack.encode(_File(FORMAT, self.task, high_us, dict(sorted(self._rows.items()))))
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with beside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise

    def load(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the memory of these keys."""
        return [self._rows[key][0] if key in self._rows else None for key in keys]

    def apply(self, changes: Iterable[StateRow]) -> None:
        """Take what a step changed."""
        for change in changes:
            if change.value is None:
                self._rows.pop(change.key, None)
            else:
                self._rows[change.key] = (change.value, change.expires_us)

    def forget(self, watermark_us: int) -> None:
        """Drop what has outlived its time; operators treat it as gone already."""
        self._rows = {key: row for key, row in self._rows.items() if row[1] is None or row[1] > watermark_us}
