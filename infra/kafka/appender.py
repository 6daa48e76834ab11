"""Writing to Kafka: each call of `append` is one transaction, with the progress that goes with it.

The transactional id names the writer, so whoever begins as the same writer ends what a dead one left open, and fences
one that only slept. Progress is a record of the compacted topic `hubbub.progress`, in the same transaction.
"""

from __future__ import annotations

import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence

from infra.broker import BrokerAway, BrokerUnavailable, TopicPartition
from infra.kafka.batch_writing import Content
from infra.kafka.client import TransactionalWriter, transactional_writer
from infra.kafka.connection import KafkaConnection
from infra.kafka.transaction import Member
from infra.partitioner import partition_of
from schemas.progress import PROGRESS_MADE
from schemas.record import Append

_NO_GROUP = Member("", -1, "", None)
# Who writes as many writers at once is replaying letters or tests; idle producers are cheap, but not free.
MOST_PRODUCERS = 8


class KafkaAppender:
    """The producers of one process, by writer. `partitions` gives a topic's partition count."""

    def __init__(
        self, connection: KafkaConnection, partitions: Callable[[str], int], progress: Callable[[str], int | None]
    ) -> None:
        self._connection = connection
        self._names = connection.names
        self._partitions = partitions
        self._progress = progress
        self._producers: dict[str, TransactionalWriter] = {}
        self._writing = threading.RLock()
        self._anonymous = uuid.uuid4().hex

    def close(self) -> None:
        """Drop the connections."""
        with self._writing:
            for producer in self._producers.values():
                producer.close()
            self._producers.clear()

    def append(self, records: Sequence[Append], progress: tuple[str, int] | None) -> list[tuple[int, int]]:
        """Write records and progress in one transaction; return (partition, offset) of each record.

        BrokerAway says whether something may have been written. A writer who asks for its progress again knows.
        """
        contents: dict[TopicPartition, list[Content]] = defaultdict(list)
        places: list[tuple[TopicPartition, int]] = []
        for record in records:
            partition = record.partition
            if partition is None:
                partition = partition_of(record.key, record.value, self._partitions(record.topic))
            part = TopicPartition(record.topic, partition)
            places.append((part, len(contents[part])))
            contents[part].append((record.key, record.value, record.headers))
        if progress is not None:
            name, value = progress
            part = TopicPartition(PROGRESS_MADE.name, 0)
            contents[part].append((name.encode(), str(value).encode(), ()))
        if not contents:
            return []
        writer = self._anonymous if progress is None else writer_of(progress[0])
        outer = {TopicPartition(self._names.outer(p.topic), p.partition): found for p, found in contents.items()}
        with self._writing:
            first = self._commit(writer, outer, progress)
        return [
            (part.partition, first[TopicPartition(self._names.outer(part.topic), part.partition)] + number)
            for part, number in places
        ]

    def claim(self, name: str) -> None:
        """Become the one who writes under a name: what a dead one left open is ended, and shows in its progress."""
        with self._writing:
            self._producer(writer_of(name))

    def _commit(
        self, writer: str, contents: dict[TopicPartition, list[Content]], progress: tuple[str, int] | None
    ) -> dict[TopicPartition, int]:
        producer = self._producer(writer)
        try:
            return producer.commit(contents, {}, _NO_GROUP)
        except BaseException as error:
            # Whatever went wrong, this producer may be of two minds about it.
            self._producers.pop(writer).close()
            if isinstance(error, BrokerUnavailable):
                raise BrokerAway(f"{error}; {self._aftermath(writer, progress)}") from error
            raise

    def _aftermath(self, writer: str, progress: tuple[str, int] | None) -> str:
        """Say whether the records of a transaction that ended in doubt are there."""
        try:
            self._producer(writer)  # ends the transaction, one way or the other
            if progress is not None:
                written = self._progress(progress[0]) == progress[1]
                return "the last records were written" if written else "the last records were not written"
        except BrokerUnavailable:
            pass
        return "whether the last records were written is not known"

    def _producer(self, writer: str) -> TransactionalWriter:
        if writer not in self._producers:
            while len(self._producers) >= MOST_PRODUCERS:
                self._producers.pop(next(iter(self._producers))).close()
            name = self._names.outer(f"hubbub.append.{writer}")
            self._producers[writer] = transactional_writer(self._connection, name)
        return self._producers[writer]


def writer_of(name: str) -> str:
    """Return who writes progress of this name.

    >>> writer_of("produce:0f3a:alarms:8"), writer_of("mine")
    ('produce:0f3a:alarms', 'mine')
    """
    return name.rpartition(":")[0] or name
