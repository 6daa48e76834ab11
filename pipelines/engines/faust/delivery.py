"""What Faust's agents have delivered and nobody has worked on yet: one buffer a partition, in bytes bounded.

The agents run in the worker's event loop, the work in threads of its own; this lies between them.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from infra.broker import TopicPartition
from schemas.record import Record

# What a record costs beside its value: an estimate, as in the readers.
RECORD_BYTES = 200


class DeliveryGap(RuntimeError):
    """Records of a partition never arrived: a bug around the consumer. Going on would lose them silently."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Records of one partition that were fetched together, and the consumer's positions before and behind them.

    Positions step over what is no record (markers of transactions, what compaction removed); so bundles that follow
    one another have no gap exactly when one begins where the last one ended. Before the first position is known,
    `start` is None. `generation` is the one in which the fetch began.
    """

    generation: int
    start: int | None
    end: int
    records: Sequence[Record]


@dataclass(slots=True)
class _Buffer:
    records: list[Record] = field(default_factory=list)
    bytes: int = 0
    full: bool = False
    end: int = -1


class Delivery:
    """Buffers by partition. `pause` and `resume` tell the consumer that a buffer is full, or has room again.

    What was delivered before (a consumer that was set back) is dropped. `generation` grows when partitions are dealt
    out anew; that clears everything, for Kafka delivers it again from what is committed, and what was fetched under an
    older generation is not let in any more.
    """

    def __init__(
        self,
        most_bytes: int,
        pause: Callable[[TopicPartition], None],
        resume: Callable[[TopicPartition], None],
    ) -> None:
        self._most_bytes = most_bytes
        self._pause = pause
        self._resume = resume
        self._buffers: dict[TopicPartition, _Buffer] = {}
        self._news = threading.Condition()
        self._awake = False
        self.generation = 0

    def begin(self, part: TopicPartition, offset: int) -> None:
        """Say where the records of a partition begin in this generation: the first bundle may leave nothing out."""
        with self._news:
            self._buffers[part] = _Buffer(end=offset)

    def put(self, part: TopicPartition, bundle: Bundle) -> None:
        """Take delivered records of one partition; DeliveryGap when some before them never came."""
        with self._news:
            if bundle.generation != self.generation:
                return
            buffer = self._buffers.setdefault(part, _Buffer())
            if buffer.end >= 0 and bundle.start is not None and bundle.start > buffer.end:
                raise DeliveryGap(
                    f"{part}: the records from offset {buffer.end} to {bundle.start} were fetched and never delivered; "
                    "this is a bug"
                )
            fresh = [record for record in bundle.records if record.offset >= buffer.end]
            buffer.records += fresh
            buffer.bytes += _size(fresh)
            buffer.end = max(buffer.end, bundle.end)
            if buffer.bytes > self._most_bytes:
                # Said again as long as it holds: Faust's own queues may have called for more meanwhile.
                buffer.full = True
                self._pause(part)
            self._wake()

    def read(self, part: TopicPartition, offset: int, *, max_records: int, max_bytes: int) -> list[Record]:
        """Return what is here from `offset` on, and forget what lies before it; at least one record if there is any."""
        with self._news:
            buffer = self._buffers.get(part)
            if buffer is None:
                return []
            start = bisect_left(buffer.records, offset, key=lambda record: record.offset)
            if start:
                buffer.bytes -= _size(buffer.records[:start])
                del buffer.records[:start]
            if buffer.full and buffer.bytes * 2 <= self._most_bytes:
                buffer.full = False
                self._resume(part)
            chosen: list[Record] = []
            size = 0
            for record in buffer.records[:max_records]:
                size += len(record.value or b"") + RECORD_BYTES
                if chosen and size > max_bytes:
                    break
                chosen.append(record)
            return chosen

    def waits(self, part: TopicPartition, offset: int) -> bool:
        """Tell whether records from this offset on have arrived."""
        with self._news:
            buffer = self._buffers.get(part)
            return buffer is not None and bool(buffer.records) and buffer.records[-1].offset >= offset

    def end(self, part: TopicPartition) -> int:
        """Return the position behind what has arrived, -1 before anything has."""
        with self._news:
            buffer = self._buffers.get(part)
            return -1 if buffer is None else buffer.end

    def next_generation(self) -> None:
        """Forget everything: partitions are being dealt out anew."""
        with self._news:
            self.generation += 1
            self._buffers.clear()
            self._wake()

    def wake(self) -> None:
        """End a wait: something else has changed."""
        with self._news:
            self._wake()

    def wait(self, timeout_s: float) -> None:
        """Return when something has come since the last wait, or after `timeout_s` seconds."""
        with self._news:
            if not self._awake:
                self._news.wait(timeout_s)
            self._awake = False

    def _wake(self) -> None:
        self._awake = True
        self._news.notify_all()


def _size(records: Sequence[Record]) -> int:
    return sum(len(record.value or b"") + RECORD_BYTES for record in records)
