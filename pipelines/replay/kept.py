"""What a replay asks of the place where history, or what a side wrote, is kept: the reading half of a broker."""

from __future__ import annotations

from typing import Protocol

from infra.broker import Offset, TopicPartition
from schemas.record import Record


class Kept(Protocol):
    """A log that lies still. A Broker is one; so are files of records (elsewhere/record_files.py)."""

    @property
    def url(self) -> str:
        """How a person names it, without secrets."""
        ...

    def topics(self) -> dict[str, int]:
        """Return the existing topics and their partition counts."""
        ...

    def bounds(self, part: TopicPartition) -> tuple[int, int]:
        """Return (first offset that is kept, offset of the next record to come)."""
        ...

    def read(self, part: TopicPartition, offset: int, *, max_records: int, max_bytes: int) -> list[Record]:
        """Return records from `offset` on, in order, at least one if there is any; holes are skipped."""
        ...

    def offset_at(self, part: TopicPartition, timestamp_us: int) -> int:
        """Return the first offset whose record was appended at or after this time; the end if there is none."""
        ...

    def committed(self, group: str, part: TopicPartition) -> Offset | None:
        """Return where a group goes on in a partition; None before its first commit."""
        ...

    def close(self) -> None:
        """Release what is held; idempotent."""
        ...
