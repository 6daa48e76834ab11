"""What the laws of brokers are tried on: a broker that can be opened as often as several processes would."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from infra.broker import Broker, Membership, Stream, TopicPartition
from infra.partitioner import partition_of_key
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append, Record
from tests.patience import PATIENCE_S

Open = Callable[[], Broker]


class Subject(Protocol):
    """One broker, empty at first, and what a test can do to it from outside."""

    def open(self) -> Broker:
        """Open it once more, as another process would; whoever made the subject closes it."""
        ...

    def turn_to(self, seconds: int) -> None:
        """Let the broker's clock stand at so many seconds since 1970, where it can be turned; else let time pass."""
        ...

    def age(self, broker: Broker) -> None:
        """Make all that was written old enough for retention and compaction, and have both done."""
        ...


def eventually(holds: Callable[[], bool], *, within_s: float = PATIENCE_S) -> bool:
    """Look until something holds; False when it does not within its time. Never waits where it holds at once."""
    until = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def shared_out(*memberships: Membership) -> bool:
    """Tell whether each stream has exactly one owner.

    Members hear of a new generation each in its own time: until all have, two may hold the same stream for theirs (and
    the one that is behind is fenced when it commits). Whoever wants to know who has what waits for this first.
    """
    return Counter(stream for one in memberships for stream in one.owned()) == Counter(STREAMS)


LOGS = "device.logs"
PARTS = tuple(TopicPartition(LOGS, partition) for partition in range(DEVICE_LOGS.partitions))
STREAMS = tuple(Stream((part,)) for part in PARTS)


def lines(*keys: str) -> list[Append]:
    return [Append(LOGS, key.encode(), f"line of {key}".encode(), (("h", b"\x00\xff"),)) for key in keys]


def place(key: str) -> TopicPartition:
    return PARTS[partition_of_key(key.encode(), len(PARTS))]


def all_records(broker: Broker, part: TopicPartition) -> list[Record]:
    """Read a partition to its end: one reading may stop sooner, as Kafka's does at the end of a segment."""
    found: list[Record] = []
    while some := broker.read(part, found[-1].offset + 1 if found else 0, max_records=10_000, max_bytes=1 << 30):
        found += some
    return found


def everything(broker: Broker, part: TopicPartition) -> list[tuple[bytes | None, bytes | None]]:
    return [(record.key, record.value) for record in all_records(broker, part)]
