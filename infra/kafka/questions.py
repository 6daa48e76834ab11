"""What a member of a group asks of a cluster beside transactions: where it goes on, where partitions end, who lives."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from kafka.errors import for_code
from kafka.protocol.admin import DescribeGroupsRequest
from kafka.protocol.consumer import LeaveGroupRequest, ListOffsetsRequest, OffsetFetchRequest
from kafka.protocol.producer import ProduceRequest

from infra.broker import BrokerAway, BrokerRefused, BrokerUnavailable, Offset, TopicPartition
from infra.kafka.batch_writing import Contents, record_batch
from infra.kafka.transaction import Member
from infra.kafka.wire import KafkaWire

_BACKOFF_S = 0.01
_MOST_BACKOFF_S = 0.25
_LOOK_AGAIN_S = 0.05
_LAST = -1
_UNCOMMITTED = 0
_COMMITTED = 1
_MOVED = frozenset({"NotCoordinatorError", "CoordinatorNotAvailableError"})


class _Patience:
    """Waits longer and longer between tries, until a time; then BrokerAway."""

    def __init__(self, timeout_s: float) -> None:
        self._until = time.monotonic() + timeout_s
        self._timeout_s = timeout_s
        self._pause = _BACKOFF_S

    def after(self, code: int, what: str) -> str:
        """Wait if the error may pass, and return its name; else raise what it means."""
        error = for_code(code)
        if "Authorization" in error.__name__:
            raise BrokerRefused(f"{what}: the user may not do this ({error.__name__})")
        if not error.retriable:
            raise BrokerUnavailable(f"{what}: {error.__name__}")
        if time.monotonic() > self._until:
            raise BrokerAway(f"{what}: still {error.__name__} after {self._timeout_s:g} s")
        time.sleep(self._pause)
        self._pause = min(2 * self._pause, _MOST_BACKOFF_S)
        return str(error.__name__)


def stable_offsets(
    wire: KafkaWire, group: str, parts: Sequence[TopicPartition], *, timeout_s: float
) -> dict[TopicPartition, Offset]:
    """Return where a group goes on, once no transaction is open that may still change it.

    A partition for which nothing was committed is left out.
    """
    topics: dict[str, list[int]] = defaultdict(list)
    for part in parts:
        topics[part.topic].append(part.partition)
    one_topic = OffsetFetchRequest.OffsetFetchRequestTopic
    patience = _Patience(timeout_s)
    while True:
        request = OffsetFetchRequest(
            group_id=group,
            topics=[one_topic(name=topic, partition_indexes=numbers) for topic, numbers in topics.items()],
            require_stable=True,
            min_version=7,
            max_version=7,
        )
        answer = wire.ask(request, wire.coordinator("group", group))
        codes = [answer.error_code, *(one.error_code for topic in answer.topics for one in topic.partitions)]
        bad = next((code for code in codes if code), 0)
        if not bad:
            return {
                TopicPartition(topic.name, one.partition_index): Offset(
                    one.committed_offset, (one.metadata or "").rstrip("\0")
                )
                for topic in answer.topics
                for one in topic.partitions
                if one.committed_offset >= 0
            }
        if patience.after(bad, f"asking where group {group} stands") in _MOVED:
            wire.forget_coordinator("group", group)


def last_offset(wire: KafkaWire, part: TopicPartition, *, settled: bool = False, timeout_s: float) -> int:
    """Return the offset behind everything that was written to a partition, transactions under way included.

    With `settled`, the offset of the first record whose transaction is open still, if there is one.
    """
    one_topic = ListOffsetsRequest.ListOffsetsTopic
    one_part = one_topic.ListOffsetsPartition
    patience = _Patience(timeout_s)
    while True:
        leader = wire.leaders([(part.topic, part.partition)])[part.topic, part.partition]
        request = ListOffsetsRequest(
            replica_id=-1,
            isolation_level=_COMMITTED if settled else _UNCOMMITTED,
            topics=[one_topic(name=part.topic, partitions=[one_part(partition_index=part.partition, timestamp=_LAST)])],
            max_version=6,
        )
        answer = wire.ask(request, leader).topics[0].partitions[0]
        if not answer.error_code:
            return int(answer.offset)
        wire.forget_leaders()
        patience.after(answer.error_code, f"asking for the end of {part}")


def await_settled(wire: KafkaWire, part: TopicPartition, *, timeout_s: float) -> int:
    """Return the end of a partition once every transaction that lies before it has ended.

    A dead producer's transaction is given up by the cluster in time; BrokerAway when that takes too long.
    """
    target = last_offset(wire, part, timeout_s=timeout_s)
    until = time.monotonic() + timeout_s
    while (end := last_offset(wire, part, settled=True, timeout_s=timeout_s)) < target:
        if time.monotonic() > until:
            raise BrokerAway(
                f"an open transaction has hidden {part} from offset {end} to {target} for more than {timeout_s:g} s"
            )
        time.sleep(_LOOK_AGAIN_S)
    return target


def write_plainly(wire: KafkaWire, records: Contents, *, timeout_s: float) -> None:
    """Write records outside any transaction and wait until they are safe; one may come to lie there twice."""
    patience = _Patience(timeout_s)
    left = {part: record_batch(contents, time.time_ns() // 1_000_000) for part, contents in records.items()}
    while left:
        leaders = wire.leaders([(part.topic, part.partition) for part in left])
        by_node: dict[int, dict[TopicPartition, bytes]] = defaultdict(dict)
        for part, batch in left.items():
            by_node[leaders[part.topic, part.partition]][part] = batch
        requests: list[tuple[Any, int | str]] = [(_produce(batches), node) for node, batches in by_node.items()]
        for answer in wire.ask_each(requests):
            for topic in answer.responses:
                for one in topic.partition_responses:
                    part = TopicPartition(topic.name, one.index)
                    if one.error_code:
                        wire.forget_leaders()
                        patience.after(one.error_code, f"writing to {part}")
                    else:
                        del left[part]


def living_members(wire: KafkaWire, group: str, *, timeout_s: float) -> frozenset[str]:
    """Return the ids of the members that a group has now."""
    patience = _Patience(timeout_s)
    while True:
        request = DescribeGroupsRequest(groups=[group], max_version=5)
        answer = wire.ask(request, wire.coordinator("group", group)).groups[0]
        if not answer.error_code:
            return frozenset(one.member_id for one in answer.members)
        if patience.after(answer.error_code, f"asking who is in group {group}") in _MOVED:
            wire.forget_coordinator("group", group)


def leave_group(wire: KafkaWire, member: Member) -> None:
    """Take a member out of its group, so that others need not wait until its session has ended."""
    identity = LeaveGroupRequest.MemberIdentity(member_id=member.member_id, group_instance_id=member.instance_id)
    request = LeaveGroupRequest(group_id=member.group, member_id=member.member_id, members=[identity], min_version=3)
    wire.ask(request, wire.coordinator("group", member.group))


def _produce(batches: Mapping[TopicPartition, bytes]) -> ProduceRequest:
    topics: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
    for part, batch in batches.items():
        topics[part.topic].append((part.partition, batch))
    one_topic = ProduceRequest.TopicProduceData
    return ProduceRequest(
        transactional_id=None,
        acks=-1,
        timeout_ms=10_000,
        topic_data=[
            one_topic(
                name=topic,
                partition_data=[one_topic.PartitionProduceData(index=number, records=batch) for number, batch in found],
            )
            for topic, found in topics.items()
        ],
        max_version=11,
    )
