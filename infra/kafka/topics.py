"""Topics and groups of a Kafka cluster, as an administrator sees them."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from kafka.errors import GroupIdNotFoundError, TopicAlreadyExistsError, for_code
from kafka.protocol.admin import CreateTopicsRequest, ListGroupsRequest
from kafka.protocol.consumer import OffsetCommitRequest, OffsetFetchRequest
from kafka.protocol.metadata import MetadataRequest

from infra.broker import BrokerAway, BrokerMismatch, Offset, TopicPartition
from infra.kafka.connection import KafkaConnection
from infra.kafka.errors import translated, who
from infra.kafka.wire import KafkaWire, NoAnswer
from schemas.catalog import is_table
from schemas.topic import Topic

# A record may be larger than Kafka's own default allows, for a dead letter carries what came, whatever its size.
MOST_RECORD_BYTES = 8 << 20
MS_A_DAY = 86_400_000
_LOOK_AGAIN_S = 0.1
_NO_GENERATION = -1


class KafkaTopics:
    """An administrator's client; several threads may use it, one after the other."""

    def __init__(self, connection: KafkaConnection, retention_days: float) -> None:
        self._connection = connection
        self._names = connection.names
        self._retention_days = retention_days
        self._using = threading.RLock()
        self._wire = KafkaWire(connection)

    def close(self) -> None:
        """Drop the connections."""
        with self._using:
            self._wire.close()

    def all(self) -> dict[str, int]:
        """Return the topics and their partition counts."""
        with self._using:
            answer = self._wire.ask(MetadataRequest(topics=None, allow_auto_topic_creation=False))
        named = {self._names.inner(one.name): len(one.partitions) for one in answer.topics if not one.is_internal}
        return dict(sorted((name, count) for name, count in named.items() if name is not None and count))

    def create(self, topics: Sequence[Topic]) -> None:
        """Create those that do not exist, and wait until they can be used."""
        existing = self.check(topics, self.all())
        missing = {one.name: one for one in topics if one.name not in existing}
        if not missing:
            return
        doing = f"creating topics {', '.join(missing)}"
        request = CreateTopicsRequest(
            topics=[self._creatable(one) for one in missing.values()],
            timeout_ms=round(self._wire.timeout_s * 1000),
            validate_only=False,
        )
        with self._using:
            answer = self._retried(lambda: self._wire.ask(request), doing, of=lambda answer: answer.topics)
        for one in answer.topics:
            error = for_code(one.error_code)
            # Another process may have made it meanwhile.
            if one.error_code and error is not TopicAlreadyExistsError:
                raise translated(self._connection, doing, error(one.error_message or one.name))
        self._await(list(missing))
        self.check(topics, self.all())

    def expect(self, topics: Sequence[Topic]) -> None:
        """BrokerMismatch unless all of them exist as declared."""
        existing = self.check(topics, self.all())
        missing = [one.name for one in topics if one.name not in existing]
        if missing:
            raise BrokerMismatch(
                f"{self._connection.url} has no topic {', '.join(missing)}{self._under_prefix()}; "
                f"`hubbub topics create {' '.join(missing)}` makes what is missing{self._unseen()}"
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
        with self._using:
            nodes = [one.node_id for one in self._wire.ask(MetadataRequest(topics=[])).brokers]
            found: set[str] = set()
            for node in nodes:
                answer = self._retried(lambda node=node: self._wire.ask(ListGroupsRequest(), node), "listing groups")  # type: ignore[misc]
                found |= {one.group_id for one in answer.groups}
        named = [name for name in map(self._names.inner, sorted(found)) if name is not None]
        return [name for name in named if self.committed(name)]

    def committed(self, group: str, parts: Sequence[TopicPartition] | None = None) -> dict[TopicPartition, Offset]:
        """Return where a group goes on in these partitions, or in all that it has committed for."""
        topics = None
        if parts is not None:
            one_topic = OffsetFetchRequest.OffsetFetchRequestTopic
            topics = [one_topic(name=name, partition_indexes=some) for name, some in self._by_topic(parts).items()]
        request = OffsetFetchRequest(
            group_id=self._names.outer(group), topics=topics, require_stable=False, min_version=2, max_version=7
        )
        answer = self._of_group(group, request, f"asking where group {group} stands")
        offsets = {}
        for topic in answer.topics:
            name = self._names.inner(topic.name)
            for one in topic.partitions:
                if name is not None and one.committed_offset >= 0:
                    offsets[TopicPartition(name, one.partition_index)] = Offset(
                        one.committed_offset, (one.metadata or "").rstrip("\0")
                    )
        return offsets

    def commit(self, group: str, offsets: Mapping[TopicPartition, Offset]) -> None:
        """Set where a group without members goes on; Fenced while it has some."""
        one_topic = OffsetCommitRequest.OffsetCommitRequestTopic
        one_part = one_topic.OffsetCommitRequestPartition
        topics: dict[str, list[Any]] = defaultdict(list)
        for part, at in offsets.items():
            topics[self._names.outer(part.topic)].append(
                one_part(
                    partition_index=part.partition,
                    committed_offset=at.next_offset,
                    committed_leader_epoch=-1,
                    committed_metadata=at.note,
                )
            )
        request = OffsetCommitRequest(
            group_id=self._names.outer(group),
            generation_id_or_member_epoch=_NO_GENERATION,
            member_id="",
            group_instance_id=None,
            retention_time_ms=-1,
            topics=[one_topic(name=name, partitions=some) for name, some in topics.items()],
            max_version=8,
        )
        self._of_group(group, request, f"setting where group {group} goes on")

    def _of_group(self, group: str, request: Any, doing: str) -> Any:  # noqa: ANN401 - kafka-python has no types
        """Ask a group's coordinator; errors of a group or of its partitions are the port's."""
        outer = self._names.outer(group)

        def errors(answer: Any) -> list[Any]:  # noqa: ANN401
            return [answer, *(one for topic in answer.topics for one in topic.partitions)]

        with self._using:
            answer = self._retried(
                lambda: self._wire.ask(request, self._wire.coordinator("group", outer)),
                doing,
                of=errors,
                before_again=lambda: self._wire.forget_coordinator("group", outer),
            )
        for one in errors(answer):
            error = for_code(getattr(one, "error_code", 0) or 0)
            if getattr(one, "error_code", 0) and error is not GroupIdNotFoundError:
                raise translated(self._connection, doing, error(f"group {group}"))
        return answer

    def _retried(
        self,
        ask: Callable[[], Any],
        doing: str,
        *,
        of: Callable[[Any], Iterable[Any]] = lambda answer: [answer],
        before_again: Callable[[], None] = lambda: None,
    ) -> Any:  # noqa: ANN401
        """Ask again while an answer says so: coordinators move, and a young cluster has none until somebody asks."""
        until = time.monotonic() + self._wire.timeout_s
        while True:
            try:
                answer = ask()
            except NoAnswer:
                before_again()
                raise
            kinds = [for_code(getattr(one, "error_code", 0) or 0) for one in of(answer)]
            passing = [kind for kind in kinds if getattr(kind, "retriable", False)]
            if not passing:
                return answer
            if time.monotonic() > until:
                raise BrokerAway(f"{self._connection.url}: still {passing[0].__name__} while {doing}")
            before_again()
            time.sleep(_LOOK_AGAIN_S)

    def _await(self, topics: list[str]) -> None:
        """Wait until every partition of new topics has a leader."""
        outer = [self._names.outer(name) for name in topics]
        one_topic = MetadataRequest.MetadataRequestTopic
        until = time.monotonic() + self._wire.timeout_s
        while True:
            with self._using:
                answer = self._wire.ask(
                    MetadataRequest(topics=[one_topic(name=name) for name in outer], allow_auto_topic_creation=False)
                )
            ready = {
                topic.name
                for topic in answer.topics
                if not topic.error_code and topic.partitions and all(one.leader_id >= 0 for one in topic.partitions)
            }
            if ready >= set(outer):
                return
            if time.monotonic() > until:
                raise BrokerAway(f"{self._connection.url} has made {', '.join(topics)}, and nobody leads them yet")
            time.sleep(_LOOK_AGAIN_S)

    def _by_topic(self, parts: Sequence[TopicPartition]) -> dict[str, list[int]]:
        topics: dict[str, list[int]] = defaultdict(list)
        for part in parts:
            topics[self._names.outer(part.topic)].append(part.partition)
        return topics

    def _creatable(self, topic: Topic) -> Any:  # noqa: ANN401
        configs = {
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(MOST_RECORD_BYTES),
            "cleanup.policy": "compact" if topic.compacted else "delete",
        }
        if not topic.compacted:
            configs["retention.ms"] = "-1" if is_table(topic.name) else str(round(self._retention_days * MS_A_DAY))
        one_topic = CreateTopicsRequest.CreatableTopic
        return one_topic(
            name=self._names.outer(topic.name),
            num_partitions=topic.partitions,
            replication_factor=self._connection.section.replication_factor or -1,
            assignments=[],
            configs=[one_topic.CreatableTopicConfig(name=name, value=value) for name, value in configs.items()],
        )

    def _unseen(self) -> str:
        """Say that a topic may be there for others: who has no right to a topic is told that there is none."""
        return f", or {who(self._connection)} has no right to see it" if self._connection.names_a_user else ""

    def _under_prefix(self) -> str:
        prefix = self._names.prefix
        return f" under the prefix {prefix!r}" if prefix else ""
