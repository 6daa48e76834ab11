"""The broker port over Apache Kafka: committed records only, one transaction for what is written together.

See infra/broker.py for what each method means; tests/integration/test_kafka_broker.py holds it to the same laws as
SQLite's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from infra.broker import BrokerMismatch, Membership, Offset, Stream, TopicPartition
from infra.kafka.appender import KafkaAppender
from infra.kafka.connection import KafkaConnection
from infra.kafka.knock import knock
from infra.kafka.progress import KafkaProgress
from infra.kafka.reader import KafkaReader
from infra.kafka.shelf import Holes
from infra.kafka.topics import KafkaTopics
from schemas.progress import PROGRESS_MADE
from schemas.record import Append, Record
from schemas.topic import Topic

if TYPE_CHECKING:
    from infra.kafka.instance import KafkaInstance
    from infra.kafka.membership import KafkaMembership

_PROBE_RECORDS = 5000
_PROBE_BYTES = 1 << 20
_MARKED_S = 0.002
# How often a job looks whether somebody has changed its topics.
RECHECK_S = 10.0
_MOST_AWAITED_S = 2.0


class KafkaBroker:
    """A cluster at `kafka://HOST:PORT,...`. Each thread reads with a client of its own."""

    def __init__(self, connection: KafkaConnection, *, retention_days: float = 7.0) -> None:
        knock(connection)
        self.connection = connection
        self._topics = KafkaTopics(connection, retention_days)
        self._holes = Holes()
        self._mine = threading.local()
        self._readers: list[KafkaReader] = []
        self._opening = threading.Lock()
        self._looking = threading.RLock()
        self._looker: KafkaReader | None = None
        self._partitions: dict[str, int] = {}
        self._checked = time.monotonic()
        self._progress = KafkaProgress(self._look)
        self._appender = KafkaAppender(connection, self.partitions, self.progress)
        self._instance: KafkaInstance | None = None
        self._memberships: list[KafkaMembership] = []
        self._closed = False

    @property
    def url(self) -> str:
        """How a person names it."""
        return self.connection.url

    def topics(self) -> dict[str, int]:
        """Return the existing topics and their partition counts."""
        return self._topics.all()

    def partitions(self, topic: str) -> int:
        """Return the partition count of a topic; BrokerMismatch when there is none."""
        if topic not in self._partitions:
            self._partitions |= self._topics.all()
        if topic not in self._partitions:
            raise BrokerMismatch(
                f"there is no topic {topic!r} in {self.url}; `hubbub topics create` makes the known ones"
            )
        return self._partitions[topic]

    def create_topics(self, topics: Sequence[Topic]) -> None:
        """Create those that do not exist, and the one in which progress is kept."""
        self._topics.create([*topics, PROGRESS_MADE])

    def create_internal_topic(self, topic: Topic) -> None:
        """Create a topic of hubbub's own bookkeeping if it does not exist, and nothing else: a job may do no more."""
        self._topics.create([topic])

    def expect_topics(self, topics: Sequence[Topic]) -> None:
        """Refuse to work without them: nobody makes topics by surprise."""
        self._topics.expect(topics)

    def bounds(self, part: TopicPartition) -> tuple[int, int]:
        """Return (first kept offset, offset behind the last committed record)."""
        self._check(part)
        with self._looking:
            looker = self._look()
            first, end = looker.begins([part])[part], looker.ends([part])[part]
            return first, self._visible_end(looker, part, first, end)

    def ends(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Return where every partition of these topics ends, holes included as far as they are not known."""
        self._recheck()
        return self._without_known_holes(self._reader().news(self._parts(topics)))

    def written(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Return where every partition of these topics ends with what open transactions hide."""
        return self._without_known_holes(self._reader().ends(self._parts(topics), committed=False))

    def read(self, part: TopicPartition, offset: int, *, max_records: int, max_bytes: int) -> list[Record]:
        """Return records from `offset` on."""
        self._check(part)
        return self._reader().read(part, max(offset, 0), max_records=max_records, max_bytes=max_bytes)

    def offset_at(self, part: TopicPartition, timestamp_us: int) -> int:
        """Ask the cluster's time index, which counts in milliseconds."""
        self._check(part)
        with self._looking:
            found = self._look().offset_at(part, timestamp_us)
        return self.bounds(part)[1] if found is None else found

    def append(self, records: Sequence[Append], *, progress: tuple[str, int] | None = None) -> list[tuple[int, int]]:
        """Write records, and progress, in one transaction."""
        for record in records:
            if record.partition is not None:
                self._check(TopicPartition(record.topic, record.partition))
        places = self._appender.append(records, progress)
        behind: dict[TopicPartition, int] = {}
        for record, (partition, offset) in zip(records, places, strict=True):
            part = TopicPartition(record.topic, partition)
            behind[part] = max(behind.get(part, 0), offset + 1)
        self._await_readable(behind)
        if progress is not None:
            with self._looking:
                self._progress.note(*progress)
        return places

    def settled(self, topics: Sequence[str]) -> bool:
        """Tell whether no open transaction hides records of these topics."""
        parts = self._parts(topics)
        with self._looking:
            looker = self._look()
            return looker.ends(parts, committed=False) == looker.ends(parts)

    def committed(self, group: str, part: TopicPartition) -> Offset | None:
        """Return where a group goes on."""
        return self._topics.committed(group, [part]).get(part)

    def places(self, group: str) -> dict[TopicPartition, Offset]:
        """Return where a group goes on in every partition that it has committed for."""
        return self._topics.committed(group)

    def commit_offsets(self, group: str, offsets: Mapping[TopicPartition, Offset]) -> None:
        """Say where a group goes on; Fenced while it has members."""
        self._topics.commit(group, offsets)

    def groups(self) -> list[str]:
        """Return the groups that have committed anything."""
        return self._topics.groups()

    def progress(self, name: str) -> int | None:
        """Return the value last remembered under this name, once no transaction of its writer is open.

        Who asks is about to write: it becomes the writer, and an earlier one is fenced.
        """
        if not self._has_progress():
            return None
        self._appender.claim(name)
        with self._looking:
            return self._progress.value(name)

    def remembered(self, prefix: str) -> dict[str, int]:
        """Return what `append` last remembered under names that begin so; asks for no right to write."""
        if not self._has_progress():
            return {}
        with self._looking:
            return self._progress.under(prefix)

    def join(self, group: str, instance: str | None, streams: Sequence[Stream]) -> Membership:
        """Join a consumer group."""
        from infra.kafka.instance import KafkaInstance  # noqa: PLC0415 - readers and writers need none of it
        from infra.kafka.membership import KafkaMembership  # noqa: PLC0415

        # The pipelines of a job join from threads of their own, and are one instance.
        with self._opening:
            if self._instance is None:
                self._instance = KafkaInstance.take(Path(self.connection.section.state_dir), instance)
        membership = KafkaMembership(self, self._instance, group, tuple(streams))
        self._memberships.append(membership)
        return membership

    def maintain(self, now_us: int) -> None:
        """Nothing to do: the cluster applies retention and compaction itself."""

    def wait(self, timeout_s: float) -> None:
        """Return when records have come for what this thread reads, or after `timeout_s`."""
        self._reader().wait(timeout_s)

    def close(self) -> None:
        """Drop all connections."""
        if self._closed:
            return
        self._closed = True
        for membership in self._memberships:
            membership.close()
        if self._instance is not None:
            self._instance.free()
        self._appender.close()
        for reader in [*self._readers, *([] if self._looker is None else [self._looker])]:
            reader.close()
        self._topics.close()

    def __enter__(self) -> KafkaBroker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _reader(self) -> KafkaReader:
        reader: KafkaReader | None = getattr(self._mine, "reader", None)
        if reader is None:
            reader = self._mine.reader = KafkaReader(self.connection, self._holes)
            with self._opening:
                self._readers.append(reader)
        return reader

    def _look(self) -> KafkaReader:
        """Return the client that looks at places out of turn; hold `_looking` while using it."""
        if self._looker is None:
            self._looker = KafkaReader(self.connection, self._holes)
        return self._looker

    def _visible_end(self, looker: KafkaReader, part: TopicPartition, first: int, end: int) -> int:
        """Return the offset behind the last record before `end`, by reading further and further back."""
        known = self._holes.visible(part, end)
        if known is not None:
            return known
        back = 1
        while first < end:
            start = at = max(first, end - back)
            while records := looker.read(part, at, max_records=_PROBE_RECORDS, max_bytes=_PROBE_BYTES):
                at = records[-1].offset + 1
                if at >= end:
                    return at
            if at > start:
                return at
            if start == first:
                break
            back *= 8
        return first

    def _without_known_holes(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        return {
            part: end if (visible := self._holes.visible(part, end)) is None else visible for part, end in ends.items()
        }

    def _parts(self, topics: Sequence[str]) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for topic in topics for number in range(self.partitions(topic))]

    def _recheck(self) -> None:
        """Now and then make sure that topics in use have the partitions that they had: BrokerMismatch if not."""
        now = time.monotonic()
        if now - self._checked < RECHECK_S:
            return
        self._checked = now  # set back below, so that the next one who asks hears it too
        existing = self._topics.all()
        for topic, count in list(self._partitions.items()):
            if topic not in existing:
                self._checked = 0.0
                raise BrokerMismatch(
                    f"topic {topic} is gone from {self.url}; `hubbub topics create` makes it anew, empty"
                )
            if existing[topic] != count:
                self._checked = 0.0
                raise BrokerMismatch(
                    f"topic {topic} has {existing[topic]} partitions in {self.url} now and had {count}: keys lie "
                    "elsewhere, and so do order and memory; make a topic with the old number and copy the rows into it"
                )

    def _has_progress(self) -> bool:
        if PROGRESS_MADE.name not in self._partitions:
            self._partitions |= self._topics.all()
        return PROGRESS_MADE.name in self._partitions

    def _await_readable(self, behind: Mapping[TopicPartition, int]) -> None:
        """Wait until what was written can be read: the cluster marks a transaction's partitions one after the other.

        Another writer's open transaction may hide it for longer; that is no reason to hold this writer up.
        """
        until = time.monotonic() + _MOST_AWAITED_S
        while behind and time.monotonic() < until:
            with self._looking:
                ends = self._look().ends(list(behind))
            behind = {part: offset for part, offset in behind.items() if ends[part] < offset}
            if behind:
                time.sleep(_MARKED_S)

    def _check(self, part: TopicPartition) -> None:
        count = self.partitions(part.topic)
        if not 0 <= part.partition < count:
            raise BrokerMismatch(
                f"topic {part.topic} has {count} partitions in {self.url}, expected one numbered {part.partition}"
            )
