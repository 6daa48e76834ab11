"""One question after records to one broker of a cluster, and what it answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kafka.protocol.consumer import FetchRequest

from infra.broker import TopicPartition
from infra.kafka.batch_reading import committed_records
from schemas.record import Record

_COMMITTED = 1
_NO_SESSION = -1
# The newest format that names topics by name and not by id.
_VERSION = 12
MOST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of one partition: committed records from `asked` on, the place behind them, where it ends now.

    `error`: Kafka's number, 0 for none. `part` is named as on the cluster.
    """

    part: TopicPartition
    asked: int
    records: list[Record]
    behind: int
    end: int
    error: int


def fetch_request(places: Mapping[TopicPartition, int], *, wait_s: float, partition_bytes: int) -> FetchRequest:
    """Ask for committed records of these partitions from these offsets on; wait so long for the first of them.

    Of each partition come `partition_bytes` at most, and one batch at least.
    """
    topics: dict[str, list[Any]] = defaultdict(list)
    one_topic = FetchRequest.FetchTopic
    for part, offset in places.items():
        topics[part.topic].append(
            one_topic.FetchPartition(
                partition=part.partition,
                current_leader_epoch=-1,
                fetch_offset=offset,
                last_fetched_epoch=-1,
                log_start_offset=-1,
                partition_max_bytes=partition_bytes,
            )
        )
    return FetchRequest(
        replica_id=-1,
        max_wait_ms=round(wait_s * 1000),
        min_bytes=1,
        max_bytes=MOST_BYTES,
        isolation_level=_COMMITTED,
        session_id=0,
        session_epoch=_NO_SESSION,
        topics=[one_topic(topic=topic, partitions=parts) for topic, parts in topics.items()],
        forgotten_topics_data=[],
        rack_id="",
        min_version=4,
        max_version=_VERSION,
    )


def fetched(
    answer: Any,  # noqa: ANN401 - kafka-python has no types
    places: Mapping[TopicPartition, int],
    *,
    most_bytes: int,
) -> Iterator[Fetched]:
    """Read the answer to a request for these places."""
    for topic in answer.responses:
        for one in topic.partitions:
            part = TopicPartition(topic.topic, one.partition_index)
            asked = places[part]
            records: list[Record] = []
            behind = asked
            if not one.error_code and one.records:
                aborted = [(each.producer_id, each.first_offset) for each in one.aborted_transactions or ()]
                records, behind = committed_records(bytes(one.records), asked, aborted, most_bytes=most_bytes)
            yield Fetched(part, asked, records, behind, one.last_stable_offset, one.error_code)
