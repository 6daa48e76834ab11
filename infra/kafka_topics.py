"""Topics and groups of a Kafka cluster, as an administrator sees them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from kafka import KafkaAdminClient, OffsetAndMetadata
from kafka import TopicPartition as KafkaPart
from kafka.errors import GroupIdNotFoundError, NoError, RetriableError, for_code

from infra.broker import BrokerMismatch, Offset, TopicPartition
from infra.kafka_connection import KafkaConnection
from infra.kafka_errors import in_our_terms, who
from schemas.topic import Topic

# A record may be larger than Kafka's own default allows, for a dead letter carries what came, whatever its size.
MOST_RECORD_BYTES = 8 << 20
MS_A_DAY = 86_400_000
LOOK_AGAIN_S = 0.1
_ALREADY_EXISTS = 36


class KafkaTopics:
    """An administrator's client; several threads may use it."""

    def __init__(self, connection: KafkaConnection, retention_days: float) -> None:
        self._connection = connection
        self._names = connection.names
        self._retention_days = retention_days
        self._using = threading.RLock()
        with in_our_terms(connection, "connecting"):
            self._admin = KafkaAdminClient(**connection.kafka_python())

    def close(self) -> None:
        """Drop the connections."""
        self._admin.close()

    def all(self) -> dict[str, int]:
        """Return the topics and their partition counts."""
        with self._using, in_our_terms(self._connection, "listing topics"):
            found = self._admin.describe_topics()
        named = {self._names.inner(one["name"]): len(one["partitions"]) for one in found if not one["is_internal"]}
        return dict(sorted((name, count) for name, count in named.items() if name is not None))

    def create(self, topics: Sequence[Topic]) -> None:
        """Create those that do not exist, and wait until they can be used."""
        existing = self.check(topics, self.all())
        missing = {self._names.outer(one.name): self._options(one) for one in topics if one.name not in existing}
        if not missing:
            return
        with self._using, in_our_terms(self._connection, f"creating topics {', '.join(missing)}"):
            answer = self._admin.create_topics(missing, raise_errors=False)
            for one in answer["topics"]:
                # Another process may have made it meanwhile.
                if one["error_code"] not in (0, _ALREADY_EXISTS):
                    raise for_code(one["error_code"])(one.get("error_message"))
            self._admin.wait_for_topics(
                list(missing), timeout_ms=round(self._connection.section.request_timeout_s * 1000)
            )
        self.check(topics, self.all())

    def expect(self, topics: Sequence[Topic]) -> None:
        """BrokerMismatch unless all of them exist as declared."""
        existing = self.check(topics, self.all())
        missing = [one.name for one in topics if one.name not in existing]
        if missing:
            raise BrokerMismatch(
                f"{self._connection.url} has no topic {', '.join(missing)}{self._under_prefix()}{self._unseen()}; "
                f"`hubbub topics create {' '.join(missing)}` makes what is missing"
            )

    def check(self, topics: Iterable[Topic], existing: Mapping[str, int]) -> Mapping[str, int]:
        """Return the existing topics; BrokerMismatch when one has another partition count than declared."""
        for topic in topics:
            if existing.get(topic.name, topic.partitions) != topic.partitions:
                raise BrokerMismatch(
                    f"topic {topic.name} has {existing[topic.name]} partitions in "
                    f"{self._connection.url}{self._under_prefix()}, expected {topic.partitions}"
                )
        return existing

    def groups(self) -> list[str]:
        """Return the groups of hubbub's that have committed anything."""
        with self._using, in_our_terms(self._connection, "listing groups"):
            found = [self._names.inner(one["group_id"]) for one in self._retried(self._admin.list_groups)]
            named = [name for name in found if name is not None]
            wanted = [self._names.outer(name) for name in named]
            offsets = self._retried(lambda: self._admin.list_group_offsets(wanted)) if named else {}
        return sorted(name for name in named if offsets.get(self._names.outer(name)))

    def committed(self, group: str, parts: Sequence[TopicPartition] | None = None) -> dict[TopicPartition, Offset]:
        """Return where a group goes on in these partitions, or in all that it has committed for."""
        outer = self._names.outer(group)
        wanted = None if parts is None else [KafkaPart(self._names.outer(p.topic), p.partition) for p in parts]
        with self._using, in_our_terms(self._connection, f"asking where group {group} stands"):
            try:
                found = self._retried(lambda: self._admin.list_group_offsets({outer: wanted}))[outer]
            except GroupIdNotFoundError:
                return {}
        offsets = {}
        for part, at in found.items():
            topic = self._names.inner(part.topic)
            if topic is not None and at.offset >= 0:
                offsets[TopicPartition(topic, part.partition)] = Offset(at.offset, at.metadata or "")
        return offsets

    def commit(self, group: str, offsets: Mapping[TopicPartition, Offset]) -> None:
        """Set where a group without members goes on; Fenced while it has some."""
        outer = {
            KafkaPart(self._names.outer(part.topic), part.partition): OffsetAndMetadata(at.next_offset, at.note, -1)
            for part, at in offsets.items()
        }
        with self._using, in_our_terms(self._connection, f"setting where group {group} goes on"):
            answer = self._retried(lambda: self._admin.alter_group_offsets(self._names.outer(group), outer))
            for error in answer.values():
                if error is not NoError:
                    raise error(f"group {group}")

    def _retried(self, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - kafka-python has no types
        """Ask again while coordinators move, or are made: a young cluster has none until somebody asks."""
        until = time.monotonic() + self._connection.section.request_timeout_s
        while True:
            try:
                return ask()
            except RetriableError:
                if time.monotonic() > until:
                    raise
                time.sleep(LOOK_AGAIN_S)

    def _options(self, topic: Topic) -> dict[str, object]:
        configs = {
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(MOST_RECORD_BYTES),
            "cleanup.policy": "compact" if topic.compacted else "delete",
        }
        if not topic.compacted:
            configs["retention.ms"] = str(round(self._retention_days * MS_A_DAY))
        return {
            "num_partitions": topic.partitions,
            "replication_factor": self._connection.section.replication_factor or -1,
            "configs": configs,
        }

    def _unseen(self) -> str:
        """Say that a topic may be there for others: who has no right to a topic is told that there is none."""
        return f", or {who(self._connection)} has no right to see it" if self._connection.names_a_user else ""

    def _under_prefix(self) -> str:
        prefix = self._names.prefix
        return f" under the prefix {prefix!r}" if prefix else ""
