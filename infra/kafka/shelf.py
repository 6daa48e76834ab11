"""What was fetched of one partition and not asked for yet; and where partitions end in nothing that can be read."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from infra.broker import TopicPartition
from schemas.record import Record


@dataclass(slots=True)
class Shelf:
    """Records in order, from `expected` (nothing lies between it and the first of them) up to `position`.

    `position` is where fetching goes on, `end` where the partition ended when it was last asked.
    """

    expected: int
    position: int
    end: int = -1
    records: deque[Record] = field(default_factory=deque)

    def put(self, records: list[Record], position: int, end: int) -> None:
        """Add what was fetched next."""
        self.records.extend(records)
        self.position = position
        self.end = end

    def reaches(self, offset: int) -> bool:
        """Tell whether reading from an offset is going on here."""
        return self.expected <= offset <= self.position

    def skip_to(self, offset: int) -> None:
        """Drop what lies before an offset."""
        while self.records and self.records[0].offset < offset:
            self.records.popleft()
        self.expected = max(self.expected, offset)

    def take(self, max_records: int, max_bytes: int) -> list[Record]:
        """Take records, at least one if there is any."""
        taken: list[Record] = []
        size = 0
        while self.records and len(taken) < max_records:
            more = content_bytes(self.records[0])
            if taken and size + more > max_bytes:
                break
            size += more
            taken.append(self.records.popleft())
        if taken:
            self.expected = taken[-1].offset + 1
        return taken


class Holes:
    """Where partitions end in nothing that can be read: markers, aborted records. Shared by the threads of a broker."""

    def __init__(self) -> None:
        self._known: dict[TopicPartition, tuple[int, int]] = {}
        self._changing = threading.Lock()

    def note(self, part: TopicPartition, start: int, end: int) -> None:
        """Remember that nothing can be read from `start` up to `end`, where the partition ends so far."""
        with self._changing:
            known = self._known.get(part)
            if known is None or known[1] != end or start < known[0]:
                self._known[part] = (start, end)

    def visible(self, part: TopicPartition, end: int) -> int | None:
        """Return where reading ends, if that is known for this end of the partition."""
        known = self._known.get(part)
        return known[0] if known is not None and known[1] == end else None


def content_bytes(record: Record) -> int:
    """How many bytes a record counts."""
    size = len(record.value or b"") + 32
    for name, value in record.headers:
        size += len(name) + len(value)
    return size
