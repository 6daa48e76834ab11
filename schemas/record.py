"""A record as a broker stores it: bytes with a place and a time."""

from __future__ import annotations

from dataclasses import dataclass

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """One stored record. `timestamp_us`: when the broker appended it, microseconds since 1970, never decreasing."""

    offset: int
    timestamp_us: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Append:
    """One record to be written. The broker picks the partition from the key, unless one is named."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None
