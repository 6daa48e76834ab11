"""The broker port for a Faust worker: Kafka's topics, with records as agents deliver them and Faust's groups."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType

import pyarrow as pa

from infra.broker import BrokerUnavailable, Offset, Stream, TopicPartition
from infra.kafka.broker import KafkaBroker
from pipelines.engines.faust.app import WorkerSettings, changelog_name
from pipelines.engines.faust.membership import FaustMembership
from pipelines.engines.faust.worker import FaustWorker
from schemas.record import Append, Record
from schemas.topic import Topic

# A Faust group keeps its memory elsewhere than the embedded engine's group of the same name, so it is another group.
SUFFIX = "-faust"
ARRIVE_S = 60.0


def worker_group(group: str) -> str:
    """Return the consumer group of a Faust worker, by the name that hubbub's group has."""
    return group + SUFFIX


def changelog_topic(group: str, partitions: int) -> Topic:
    """Return the topic that keeps a worker's memory."""
    name = changelog_name(worker_group(group))
    return Topic(
        name,
        pa.schema([]),
        f"what the Faust workers of group {group} remember",
        partitions=partitions,
        compacted=True,
        internal=True,
        content="raw",
    )


class FaustBroker:
    """See the port. One thread works for each group that is joined; it alone reads that group's sources.

    `wait_for_end` makes a read wait until records have arrived, or all that lie in the partition have.
    """

    def __init__(self, kafka: KafkaBroker, *, buffer_bytes: int, recovery_s: float, wait_for_end: bool) -> None:
        self._kafka = kafka
        self._buffer_bytes = buffer_bytes
        self._recovery_s = recovery_s
        self._wait_for_end = wait_for_end
        # The thread that joins a group is the one that reads its sources.
        self._here = threading.local()

    @property
    def url(self) -> str:
        """How a person names it."""
        return self._kafka.url

    def topics(self) -> dict[str, int]:
        """Return the existing topics and their partition counts."""
        return self._kafka.topics()

    def create_topics(self, topics: Sequence[Topic]) -> None:
        """Refuse to work without them; nobody makes topics by surprise."""
        self.expect_topics(topics)

    def expect_topics(self, topics: Sequence[Topic]) -> None:
        """Refuse to work without these topics."""
        self._kafka.expect_topics(topics)

    def bounds(self, part: TopicPartition) -> tuple[int, int]:
        """Return (first kept offset, offset behind the last committed record)."""
        return self._kafka.bounds(part)

    def ends(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Return where every partition of these topics ends."""
        return self._kafka.ends(topics)

    def written(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Return where every partition of these topics ends with what open transactions hide."""
        return self._kafka.written(topics)

    def settled(self, topics: Sequence[str]) -> bool:
        """Tell whether everything that is written in these topics can be read."""
        return self._kafka.settled(topics)

    def read(self, part: TopicPartition, offset: int, *, max_records: int, max_bytes: int) -> list[Record]:
        """Return what has been delivered from `offset` on."""
        worker = self._worker()
        found = worker.delivery.read(part, offset, max_records=max_records, max_bytes=max_bytes)
        if found or not self._wait_for_end:
            return found
        until = time.monotonic() + ARRIVE_S
        while not found and not worker.caught_up(part, self._kafka.ends([part.topic])[part]):
            if time.monotonic() > until:
                raise BrokerUnavailable(f"{part}: nothing arrived from offset {offset} on for {ARRIVE_S:.0f} s")
            worker.delivery.wait(0.05)
            found = worker.delivery.read(part, offset, max_records=max_records, max_bytes=max_bytes)
        return found or worker.delivery.read(part, offset, max_records=max_records, max_bytes=max_bytes)

    def offset_at(self, part: TopicPartition, timestamp_us: int) -> int:
        """Ask the cluster's time index."""
        return self._kafka.offset_at(part, timestamp_us)

    def append(self, records: Sequence[Append], *, progress: tuple[str, int] | None = None) -> list[tuple[int, int]]:
        """Write records in a transaction, as a producer of inputs does."""
        return self._kafka.append(records, progress=progress)

    def committed(self, group: str, part: TopicPartition) -> Offset | None:
        """Return where a group of Faust workers goes on."""
        return self._kafka.committed(worker_group(group), part)

    def places(self, group: str) -> dict[TopicPartition, Offset]:
        """Return where a group goes on in every partition that it has committed for."""
        return self._kafka.places(worker_group(group))

    def commit_offsets(self, group: str, offsets: Mapping[TopicPartition, Offset]) -> None:
        """Say where a group goes on; Fenced while it has members."""
        self._kafka.commit_offsets(worker_group(group), offsets)

    def groups(self) -> list[str]:
        """Return the groups that have committed anything."""
        return self._kafka.groups()

    def progress(self, name: str) -> int | None:
        """Return the value last remembered under this name."""
        return self._kafka.progress(name)

    def remembered(self, prefix: str) -> dict[str, int]:
        """Return what is remembered under names that begin so."""
        return self._kafka.remembered(prefix)

    def join(self, group: str, instance: str | None, streams: Sequence[Stream]) -> FaustMembership:
        """Start a worker for this thread. With an `instance` it is a static member of the group, without a new one."""
        topics = list(dict.fromkeys(part.topic for stream in streams for part in stream.parts))
        partitions = 1 + max(part.partition for stream in streams for part in stream.parts)
        connection = self._kafka.connection
        names = connection.names
        # Its own bookkeeping, which nobody else reads.
        self._kafka.create_internal_topic(changelog_topic(group, partitions))
        # Refused here, with its name: the worker's own client would ask for ever whether it may join.
        self._kafka.places(worker_group(group))
        settings = WorkerSettings(
            id=names.outer(worker_group(group)),
            connection=connection,
            topics=[names.outer(topic) for topic in topics],
            partitions=partitions,
            session_timeout_s=connection.section.session_timeout_s,
            request_timeout_s=connection.section.request_timeout_s,
            instance=None if instance is None else names.outer(f"{worker_group(group)}-{instance}"),
            names=names,
        )
        worker = FaustWorker(
            settings, buffer_bytes=self._buffer_bytes, partitions=self._kafka.partitions, ready_s=self._recovery_s
        )
        worker.start()
        self._here.worker = worker
        return FaustMembership(worker, group, streams)

    def maintain(self, now_us: int) -> None:
        """Nothing to do: the cluster applies retention and compaction itself."""

    def wait(self, timeout_s: float) -> None:
        """Return when records were delivered to this thread's worker, or after `timeout_s`."""
        self._worker().delivery.wait(timeout_s)

    def close(self) -> None:
        """Nothing is held here: workers stop when they leave."""

    def __enter__(self) -> FaustBroker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _worker(self) -> FaustWorker:
        worker: FaustWorker = self._here.worker
        return worker
