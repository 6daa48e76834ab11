"""One row on its way into a topic: bytes that are ready to be written, or the reason why there are none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A row that could be read; `line` counts from 1, `event_id` is the one that the row was exported with."""

    line: int
    key: bytes | None
    value: bytes
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read, and why."""

    line: int
    message: str


Rows = Iterator[Row | BadRow]
