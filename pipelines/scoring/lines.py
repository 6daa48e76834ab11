"""Read lines from a file descriptor as they come, in batches that never wait for more than is there."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from dataclasses import dataclass

CHUNK_BYTES = 1 << 18
# A batch is not made to wait for more lines once it holds so much: memory is bounded by bytes, too.
MOST_BATCH_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end. `size` is how long it was; of a longer one than the reader keeps, `data` is a part."""

    number: int
    data: bytes
    size: int


class LineReader:
    """Reads lines, keeping at most `most_bytes` of each: a line without end costs no memory."""

    def __init__(self, descriptor: int, most_bytes: int) -> None:
        self._descriptor = descriptor
        self._most_bytes = most_bytes
        self._begun = bytearray()
        self._begun_size = 0
        self._number = 0

    def batches(self, most_lines: int) -> Iterator[list[Line]]:
        """Yield the lines in order, at most `most_lines` at a time, and without waiting once some are there."""
        waiting: list[Line] = []
        ended = False
        while not ended:
            chunk = os.read(self._descriptor, CHUNK_BYTES)
            ended = not chunk
            waiting += self._lines(chunk) if chunk else self._rest()
            while len(waiting) >= most_lines:
                yield waiting[:most_lines]
                del waiting[:most_lines]
            large = sum(len(line.data) for line in waiting) >= MOST_BATCH_BYTES
            if waiting and (ended or large or not self._more_is_there()):
                yield waiting
                waiting = []

    def _more_is_there(self) -> bool:
        return bool(select.select([self._descriptor], [], [], 0)[0])

    def _lines(self, chunk: bytes) -> list[Line]:
        *ended, begun = chunk.split(b"\n")
        found = []
        for part in ended:
            self._keep(part)
            found.append(self._line())
        self._keep(begun)
        return found

    def _rest(self) -> list[Line]:
        """Return what stands behind the last line end, if anything does."""
        return [self._line()] if self._begun_size else []

    def _keep(self, part: bytes) -> None:
        self._begun_size += len(part)
        self._begun += part[: self._most_bytes - len(self._begun)]

    def _line(self) -> Line:
        self._number += 1
        line = Line(self._number, bytes(self._begun), self._begun_size)
        self._begun.clear()
        self._begun_size = 0
        return line
