"""The memory of one stream's keys, held in this process: found by key, by deadline, and by when it expires."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence

from infra.broker import StateRow

# Entries of a queue that count no more, beyond which it is made anew.
_MOST_STALE = 1024


class StateMemory:
    """Rows by key. Takes about the size of the values and 300 bytes a key."""

    def __init__(self, rows: Iterable[StateRow] = ()) -> None:
        self.rows: dict[str, StateRow] = {row.key: row for row in rows}
        self._deadlines = _Queue(self.rows, lambda row: row.deadline_us)
        self._expiries = _Queue(self.rows, lambda row: row.expires_us)

    def put(self, row: StateRow) -> None:
        """Take a row as it is now; a value of None forgets the key."""
        if row.value is None:
            self.rows.pop(row.key, None)
            return
        self.rows[row.key] = row
        self._deadlines.add(row)
        self._expiries.add(row)

    def values(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the memory of these keys, None for a key without."""
        found = map(self.rows.get, keys)
        return [None if row is None else row.value for row in found]

    def due(self, watermark_us: int) -> list[StateRow]:
        """Return the rows whose deadline is <= `watermark_us`, by (deadline, key)."""
        return self._deadlines.until(watermark_us)

    def next_deadline(self) -> int | None:
        """Return the earliest deadline."""
        return self._deadlines.first()

    def expired(self, watermark_us: int) -> list[StateRow]:
        """Return the rows that expire at or before `watermark_us`."""
        return self._expiries.until(watermark_us)


class _Queue:
    """Rows by a time. An entry counts as long as the row of its key still has that time; others are dropped late."""

    def __init__(self, rows: dict[str, StateRow], time_of: Callable[[StateRow], int | None]) -> None:
        self._rows = rows
        self._time_of = time_of
        self._heap: list[tuple[int, str]] = []
        self._build()

    def add(self, row: StateRow) -> None:
        time_us = self._time_of(row)
        if time_us is None:
            return
        heapq.heappush(self._heap, (time_us, row.key))
        if len(self._heap) > 2 * len(self._rows) + _MOST_STALE:
            self._build()

    def first(self) -> int | None:
        while self._heap and not self._counts(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def until(self, time_us: int) -> list[StateRow]:
        found: dict[str, tuple[int, str]] = {}
        while self._heap and self._heap[0][0] <= time_us:
            entry = heapq.heappop(self._heap)
            if self._counts(entry):
                found[entry[1]] = entry
        for entry in found.values():
            heapq.heappush(self._heap, entry)
        return [self._rows[key] for key in found]

    def _build(self) -> None:
        times = ((self._time_of(row), key) for key, row in self._rows.items())
        self._heap = [(time_us, key) for time_us, key in times if time_us is not None]
        heapq.heapify(self._heap)

    def _counts(self, entry: tuple[int, str]) -> bool:
        row = self._rows.get(entry[1])
        return row is not None and self._time_of(row) == entry[0]
