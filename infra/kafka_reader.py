"""Reading Kafka as one thread does: any partition from any offset, fast when it goes on where it stopped.

One consumer without a group holds every partition that this thread reads. What it brings is put on a shelf for each
partition, bounded in bytes, so that the next records are fetched while the thread works on the last. Only committed
records are seen; markers of transactions and aborted records are holes.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaPart
from kafka.errors import OffsetOutOfRangeError

from infra.bounded_batches import bomb_of, bound_kafka_python
from infra.broker import BrokerAway, TopicPartition
from infra.kafka_connection import KafkaConnection
from infra.kafka_errors import in_our_terms
from schemas.record import Record

# A fetch that finds nothing is answered after so long; a jump to another place may have to wait for that.
LINGER_MS = 100
# Whether a place is the end is asked of the broker; while a fetch is under way look again this often.
LOOK_S = 0.1
# What Python's objects add to a record's own bytes.
RECORD_OVERHEAD_BYTES = 120
FETCH_BYTES = 1 << 20
MOST_POLLED = 10_000
_UNCOMMITTED = 0


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
        """Return where reading ends if that is known for this end of the partition."""
        known = self._known.get(part)
        return known[0] if known is not None and known[1] == end else None


@dataclass(slots=True)
class Shelf:
    """What was fetched of one partition and not asked for yet. Nothing lies between `expected` and the first record."""

    expected: int
    records: deque[Record] = field(default_factory=deque)
    size_bytes: int = 0
    paused: bool = False
    untouched: int = 0  # how often the thread has waited while records lay here

    def put(self, records: list[Record]) -> None:
        """Add what was fetched next."""
        self.records.extend(records)
        self.size_bytes += sum(_size(one) for one in records)

    def skip_to(self, offset: int) -> None:
        """Drop what lies before an offset."""
        while self.records and self.records[0].offset < offset:
            self.size_bytes -= _size(self.records.popleft())
        self.expected = max(self.expected, offset)

    def take(self, max_records: int, max_bytes: int) -> list[Record]:
        """Take records, at least one if there is any."""
        taken: list[Record] = []
        size = 0
        while self.records and len(taken) < max_records:
            size += content_bytes(self.records[0])
            if taken and size > max_bytes:
                break
            record = self.records.popleft()
            self.size_bytes -= _size(record)
            taken.append(record)
        if taken:
            self.expected = taken[-1].offset + 1
        return taken


class KafkaReader:
    """What one thread reads; see the port, infra/broker.py, for what the methods mean."""

    def __init__(self, connection: KafkaConnection, holes: Holes, *, linger_ms: int = LINGER_MS) -> None:
        self._connection = connection
        self._names = connection.names
        self._holes = holes
        self._prefetch_bytes = connection.section.prefetch_bytes
        self._timeout_s = connection.section.request_timeout_s
        self._shelves: dict[TopicPartition, Shelf] = {}
        self._parts: dict[KafkaPart, TopicPartition] = {}
        bound_kafka_python(connection.section.max_decompressed_bytes)
        with in_our_terms(connection, "connecting"):
            self._consumer = KafkaConsumer(
                **connection.kafka_python(),
                group_id=None,
                enable_auto_commit=False,
                isolation_level="read_committed",
                auto_offset_reset="none",
                allow_auto_create_topics=False,
                fetch_max_wait_ms=linger_ms,
                max_partition_fetch_bytes=min(FETCH_BYTES, self._prefetch_bytes),
                fetch_max_bytes=self._prefetch_bytes * 4,
                max_poll_records=MOST_POLLED,
                # The broker has checked them, and TCP or TLS what came since; kafka-python does it byte by byte.
                check_crcs=False,
                metrics_enabled=False,
            )

    def close(self) -> None:
        """Drop the connections."""
        self._consumer.close(autocommit=False, timeout_ms=0)

    def ends(self, parts: list[TopicPartition], *, committed: bool = True) -> dict[TopicPartition, int]:
        """Return where these partitions end, holes included; one question a server.

        Without `committed` what open transactions have written counts too.
        """
        outer = {self._outer(part): part for part in parts}
        fetcher = self._consumer._fetcher
        with in_our_terms(self._connection, "asking for the ends of partitions"):
            level = fetcher._isolation_level
            try:
                # kafka-python has one isolation level a consumer; this asks as another one would.
                fetcher._isolation_level = level if committed else _UNCOMMITTED
                found = self._consumer.end_offsets(list(outer), timeout_ms=self._timeout_s * 1000)
            finally:
                fetcher._isolation_level = level
        return {part: found[one] for one, part in outer.items()}

    def begin(self, part: TopicPartition) -> int:
        """Return the first offset that is kept."""
        with in_our_terms(self._connection, f"asking where {part} begins"):
            one = self._outer(part)
            return int(self._consumer.beginning_offsets([one], timeout_ms=self._timeout_s * 1000)[one])

    def offset_at(self, part: TopicPartition, timestamp_us: int) -> int | None:
        """Return the first offset appended at or after a time; None when there is none."""
        at_ms = max(-(-timestamp_us // 1000), 0)
        with in_our_terms(self._connection, f"looking for a time in {part}"):
            one = self._outer(part)
            found = self._consumer.offsets_for_times({one: at_ms}, timeout_ms=self._timeout_s * 1000)[one]
        return None if found is None else int(found.offset)

    def read(self, part: TopicPartition, offset: int, *, max_records: int, max_bytes: int) -> list[Record]:
        """Return records from `offset` on, at least one if there is any."""
        with in_our_terms(self._connection, f"reading {part}"):
            shelf = self._shelves.get(part)
            if shelf is None or not self._reaches(part, shelf, offset):
                shelf = self._jump(part, offset)
                if shelf is None:
                    return []
            shelf.skip_to(offset)
            shelf.untouched = 0
            if not shelf.records:
                self._await(part, shelf, offset)
            elif shelf.size_bytes < self._prefetch_bytes // 2:
                self._poll(0.0)
            return shelf.take(max_records, max_bytes)

    def wait(self, timeout_s: float) -> None:
        """Return when records have come for a partition that this thread reads, or after `timeout_s`."""
        self._forget_untouched()
        if not self._shelves:
            time.sleep(timeout_s)
            return
        with in_our_terms(self._connection, "waiting for records"):
            self._poll(timeout_s)

    def _reaches(self, part: TopicPartition, shelf: Shelf, offset: int) -> bool:
        """Tell whether reading at an offset is going on where this shelf stands."""
        return shelf.expected <= offset <= self._position(part)

    def _jump(self, part: TopicPartition, offset: int) -> Shelf | None:
        """Read on somewhere else; None when that place is the end or lies behind it."""
        one = self._outer(part)
        end = self.ends([part])[part]
        if offset > end:
            return None
        first = self.begin(part)
        self._parts[one] = part
        self._consumer.assign(list(self._parts))
        self._consumer.seek(one, max(offset, first))
        shelf = self._shelves[part] = Shelf(offset)
        self._consumer.resume(one)
        if offset == end:  # nothing to read, but from now on `wait` hears of it
            return None
        return shelf

    def _await(self, part: TopicPartition, shelf: Shelf, offset: int) -> None:
        """Fetch until there is a record of this partition, or it is sure that there is none."""
        until = time.monotonic() + self._timeout_s
        self._poll(0.0)
        end: int | None = None
        while not shelf.records:
            at = self._position(part)
            if end is None:
                end = self.ends([part])[part]
            if at >= end:
                if at > offset:
                    self._holes.note(part, offset, at)
                return
            if time.monotonic() > until:
                raise BrokerAway(
                    f"{self._connection.url} gives no records of {part} from {at} on, though it ends at {end}, "
                    f"for {self._timeout_s:g} s"
                )
            self._poll(LOOK_S)

    def _poll(self, timeout_s: float) -> None:
        """Take what has been fetched onto the shelves, let more be fetched, and hold what is full."""
        try:
            found = self._consumer.poll(timeout_ms=timeout_s * 1000)
        except OffsetOutOfRangeError as error:
            # Retention has passed over a place that was not read yet.
            for one in error.args[0]:
                self._consumer.seek(one, self.begin(self._parts[one]))
            return
        for one, messages in found.items():
            part = self._parts[one]
            shelf = self._shelves[part]
            shelf.put([_record(message) for message in messages])
        for one, part in self._parts.items():
            shelf = self._shelves[part]
            full = shelf.size_bytes >= self._prefetch_bytes
            if full and not shelf.paused:
                self._consumer.pause(one)
            elif shelf.paused and not full:
                self._consumer.resume(one)
            shelf.paused = full

    def _forget_untouched(self) -> None:
        """Drop partitions that the thread knows to have records and does not read: they are others' work now."""
        left = False
        for part, shelf in list(self._shelves.items()):
            if not shelf.records:
                continue
            shelf.untouched += 1
            if shelf.untouched > 2:
                del self._shelves[part], self._parts[self._outer(part)]
                left = True
        if left:
            self._consumer.assign(list(self._parts))

    def _position(self, part: TopicPartition) -> int:
        return int(self._consumer.position(self._outer(part), timeout_ms=self._timeout_s * 1000))

    def _outer(self, part: TopicPartition) -> KafkaPart:
        return KafkaPart(self._names.outer(part.topic), part.partition)


def content_bytes(record: Record) -> int:
    """How many bytes a record counts, as every broker counts them."""
    headers = sum(len(name) + len(value) for name, value in record.headers)
    return len(record.value or b"") + headers + 32


def _size(record: Record) -> int:
    return content_bytes(record) + RECORD_OVERHEAD_BYTES


def _record(message: Any) -> Record:  # noqa: ANN401 - kafka-python has no types
    if message.headers and (bomb := bomb_of(message.headers)):
        return Record(message.offset, message.timestamp * 1000, None, message.value, (), bomb)
    # A null header's value cannot be told apart inside hubbub; CloudEvents has none.
    headers = tuple((name, value or b"") for name, value in message.headers)
    return Record(message.offset, message.timestamp * 1000, message.key, message.value, headers)
