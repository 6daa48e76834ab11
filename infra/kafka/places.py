"""Where partitions begin and end, and where a time lies in them, asked of many partitions at once."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from kafka.errors import for_code
from kafka.protocol.consumer import ListOffsetsRequest

from infra.broker import BrokerAway, TopicPartition
from infra.kafka.errors import translated
from infra.kafka.wire import KafkaWire, NoAnswer

LAST = -1
FIRST = -2
NOWHERE = -1
_UNCOMMITTED, _COMMITTED = 0, 1
_VERSION = 6
_BACKOFF_S = 0.05


def places(
    wire: KafkaWire, parts: Sequence[TopicPartition], timestamp_ms: int, *, committed: bool = True
) -> dict[TopicPartition, int]:
    """Return the first offset at or after a time (or FIRST, LAST) of each partition, named as on the cluster.

    NOWHERE when no record is so late. With `committed` the end is where the first open transaction begins.
    """
    found: dict[TopicPartition, int] = {}
    left = list(parts)
    until = time.monotonic() + wire.timeout_s
    while left:
        leaders = wire.leaders([(part.topic, part.partition) for part in left])
        by_node: dict[int, list[TopicPartition]] = defaultdict(list)
        for part in left:
            by_node[leaders[part.topic, part.partition]].append(part)
        requests: list[tuple[Any, int | str]] = [
            (_request(some, timestamp_ms, committed), node) for node, some in by_node.items()
        ]
        error = 0
        try:
            answers = wire.ask_each(requests)
        except NoAnswer:
            wire.forget_leaders()
            if time.monotonic() > until:
                raise
            time.sleep(_BACKOFF_S)
            continue
        for answer in answers:
            for topic in answer.topics:
                for one in topic.partitions:
                    if one.error_code:
                        error = one.error_code
                    else:
                        found[TopicPartition(topic.name, one.partition_index)] = one.offset
        left = [part for part in left if part not in found]
        if left:
            doing = f"asking for places in {left[0]}"
            kind = for_code(error)
            if not kind.retriable:
                raise translated(wire.connection, doing, kind())
            if time.monotonic() > until:
                raise BrokerAway(f"{wire.where}: {kind.__name__} while {doing}, still after {wire.timeout_s:g} s")
            wire.forget_leaders()
            time.sleep(_BACKOFF_S)
    return found


def _request(parts: Sequence[TopicPartition], timestamp_ms: int, committed: bool) -> ListOffsetsRequest:
    topics: dict[str, list[Any]] = defaultdict(list)
    one_topic = ListOffsetsRequest.ListOffsetsTopic
    for part in parts:
        topics[part.topic].append(
            one_topic.ListOffsetsPartition(partition_index=part.partition, timestamp=timestamp_ms)
        )
    return ListOffsetsRequest(
        replica_id=-1,
        isolation_level=_COMMITTED if committed else _UNCOMMITTED,
        topics=[one_topic(name=topic, partitions=some) for topic, some in topics.items()],
        min_version=2,
        max_version=_VERSION,
    )
