"""One producer's transactions on Kafka: records and offsets that count together or not at all (KIP-98, 447, 890).

A transaction is known whole before it begins, so it is three requests (transaction protocol 2, Kafka 4.0 and later:
produce, offsets, end) or five (protocol 1), one after the other, and stays open for milliseconds. With protocol 2 each
transaction has an epoch of its own, which keeps a late request of one out of the next.

After any doubt (an answer that did not come, an error that has no rule here) the producer is useless: `commit` raises,
and its owner makes another with the same transactional id, which ends what is left of this one before it begins.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kafka.errors import for_code
from kafka.protocol.producer import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    InitProducerIdRequest,
    ProduceRequest,
    TxnOffsetCommitRequest,
)

from infra.broker import BrokerMismatch, BrokerRefused, Fenced, Offset, TopicPartition
from infra.failpoints import failpoint
from infra.kafka.batch_writing import Content, Contents, record_batch
from infra.kafka.connection import KafkaConnection
from infra.kafka.wire import KafkaWire, NoAnswer

_BACKOFF_S = 0.005
_MOST_BACKOFF_S = 0.2
# Kafka's own default bound of a batch is 1 MiB (message.max.bytes); leave room for headers of the format.
MOST_BATCH_BYTES = 900_000
_OVERTAKEN = frozenset({"IllegalGenerationError", "RebalanceInProgressError"})
MOST_RENEWALS = 3
_FENCED = frozenset(
    {
        "ProducerFencedError", "InvalidProducerEpochError", "UnknownMemberIdError", "FencedInstanceIdError",
        "InvalidProducerIdMappingError", "StaleMemberEpochError",
    }
)  # fmt: skip
_MOVED = frozenset({"NotCoordinatorError", "CoordinatorNotAvailableError"})
_LED_ELSEWHERE = frozenset({"NotLeaderOrFollowerError", "NotLeaderForPartitionError", "UnknownTopicOrPartitionError"})


class Overtaken(Fenced):
    """The group has a new generation, in which the partition may be this instance's still."""


@dataclass(frozen=True, slots=True)
class Member:
    """What tells a group's coordinator that a commit comes from who owns the partitions now."""

    group: str
    generation: int
    member_id: str
    instance_id: str | None


class TransactionalProducer:
    """The TransactionalWriter (infra/kafka/client.py) that speaks Kafka's protocol itself."""

    def __init__(self, connection: KafkaConnection, transactional_id: str) -> None:
        self.transactional_id = transactional_id
        self._timeout_s = connection.section.transaction_timeout_s
        self._wire = KafkaWire(connection)
        # Behind the transaction's own time the cluster says that it is given up; until then, and before one has begun,
        # a cluster that asks for patience gets as much as one that says nothing.
        self._patience_s = max(self._timeout_s, self._wire.timeout_s)
        self._producer_id = -1
        self._epoch = -1
        self._sequences: dict[TopicPartition, int] = defaultdict(int)
        self._second = False
        try:
            self._second = self._wire.feature("transaction.version") >= 2
            self._begin()
        except BaseException:
            self._wire.close()
            raise

    @property
    def protocol(self) -> int:
        """Which transaction protocol the cluster speaks: 2 keeps late requests out by an epoch a transaction."""
        return 2 if self._second else 1

    def close(self) -> None:
        """Drop the connections; an open transaction is left to the next holder of the id."""
        self._wire.close()

    def commit(
        self,
        records: Contents,
        offsets: Mapping[TopicPartition, Offset],
        member: Member,
        renew: Callable[[Member], Member] | None = None,
    ) -> dict[TopicPartition, int]:
        """Do what TransactionalWriter promises."""
        if not records and not offsets:
            return {}
        if records and not self._second:
            self._add_partitions(records)
        first = self._produce(records)
        failpoint("after_produce")
        if offsets:
            if not self._second:
                self._add_group(member.group)
            self._prove(offsets, member, renew)
        failpoint("after_send_offsets")
        self._end()
        return first

    def _begin(self) -> None:
        answer = self._asked(
            lambda: InitProducerIdRequest(
                transactional_id=self.transactional_id,
                transaction_timeout_ms=round(self._timeout_s * 1000),
                producer_id=-1,
                producer_epoch=-1,
                max_version=5,
            ),
            "begin",
        )
        self._producer_id, self._epoch = answer.producer_id, answer.producer_epoch

    def _add_partitions(self, records: Contents) -> None:
        topics: dict[str, list[int]] = defaultdict(list)
        for part in records:
            topics[part.topic].append(part.partition)
        one = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic
        self._asked(
            lambda: AddPartitionsToTxnRequest(
                v3_and_below_transactional_id=self.transactional_id,
                v3_and_below_producer_id=self._producer_id,
                v3_and_below_producer_epoch=self._epoch,
                v3_and_below_topics=[one(name=topic, partitions=parts) for topic, parts in topics.items()],
                max_version=3,
            ),
            "add partitions",
            codes=lambda answer: [
                code for _, parts in answer.results_by_topic_v3_and_below for _, code in parts if code
            ],
        )

    def _add_group(self, group: str) -> None:
        self._asked(
            lambda: AddOffsetsToTxnRequest(
                transactional_id=self.transactional_id,
                producer_id=self._producer_id,
                producer_epoch=self._epoch,
                group_id=group,
                max_version=3,
            ),
            "add offsets",
        )

    def _produce(self, records: Contents) -> dict[TopicPartition, int]:
        """Send every partition's records, in as many rounds as the largest has batches."""
        now_ms = time.time_ns() // 1_000_000
        cut = {part: list(_cut(contents)) for part, contents in records.items() if contents}
        first: dict[TopicPartition, int] = {}
        for number in range(max((len(batches) for batches in cut.values()), default=0)):
            batches = {}
            for part, all_batches in cut.items():
                if number < len(all_batches):
                    contents = all_batches[number]
                    batches[part] = record_batch(
                        contents,
                        now_ms,
                        producer_id=self._producer_id,
                        producer_epoch=self._epoch,
                        base_sequence=self._sequences[part],
                        transactional=True,
                    )
                    self._sequences[part] = (self._sequences[part] + len(contents)) & 0x7FFFFFFF
            for part, offset in self._send(batches).items():
                first.setdefault(part, offset)
        return first

    def _send(self, batches: Mapping[TopicPartition, bytes]) -> dict[TopicPartition, int]:
        """Send one batch a partition, again where the broker asks for it: a batch has a number and counts once."""
        until = time.monotonic() + self._patience_s
        pause = _BACKOFF_S
        left = dict(batches)
        done: dict[TopicPartition, int] = {}
        while left:
            leaders = self._wire.leaders([(part.topic, part.partition) for part in left])
            by_node: dict[int, dict[str, list[tuple[int, bytes]]]] = defaultdict(lambda: defaultdict(list))
            for part, batch in left.items():
                by_node[leaders[part.topic, part.partition]][part.topic].append((part.partition, batch))
            answers = self._wire.ask_each([(self._produce_request(topics), node) for node, topics in by_node.items()])
            wait = False
            for answer in answers:
                for topic in answer.responses:
                    for one in topic.partition_responses:
                        part = TopicPartition(topic.name, one.index)
                        if not one.error_code or for_code(one.error_code).__name__ == "DuplicateSequenceNumberError":
                            done[part] = one.base_offset
                            del left[part]
                            continue
                        self._judge(one.error_code, f"produce to {part}", until, one.error_message)
                        wait = True
            if wait:
                time.sleep(pause)
                pause = min(2 * pause, _MOST_BACKOFF_S)
        return done

    def _produce_request(self, topics: Mapping[str, Sequence[tuple[int, bytes]]]) -> Any:
        topic_data = ProduceRequest.TopicProduceData
        return ProduceRequest(
            transactional_id=self.transactional_id,
            acks=-1,
            timeout_ms=round(self._wire.timeout_s * 1000),
            topic_data=[
                topic_data(
                    name=topic,
                    partition_data=[
                        topic_data.PartitionProduceData(index=partition, records=batch) for partition, batch in parts
                    ],
                )
                for topic, parts in topics.items()
            ],
            max_version=12 if self._second else 11,
        )

    def _prove(
        self,
        offsets: Mapping[TopicPartition, Offset],
        member: Member,
        renew: Callable[[Member], Member] | None,
    ) -> None:
        """Send the offsets with the proof, and with another where a new generation has overtaken the first."""
        for _ in range(MOST_RENEWALS):
            try:
                self._send_offsets(offsets, member)
                return
            except Overtaken:
                if renew is None:
                    raise
                member = renew(member)
        self._send_offsets(offsets, member)

    def _send_offsets(self, offsets: Mapping[TopicPartition, Offset], member: Member) -> None:
        topics: dict[str, list[Any]] = defaultdict(list)
        one_topic = TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic
        one_part = one_topic.TxnOffsetCommitRequestPartition
        for part, at in offsets.items():
            topics[part.topic].append(
                one_part(partition_index=part.partition, committed_offset=at.next_offset, committed_metadata=at.note)
            )
        self._asked(
            lambda: TxnOffsetCommitRequest(
                transactional_id=self.transactional_id,
                group_id=member.group,
                producer_id=self._producer_id,
                producer_epoch=self._epoch,
                generation_id=member.generation,
                member_id=member.member_id,
                group_instance_id=member.instance_id,
                topics=[one_topic(name=topic, partitions=parts) for topic, parts in topics.items()],
                max_version=5 if self._second else 4,
            ),
            "commit offsets",
            group=member.group,
            codes=lambda answer: [
                one.error_code for topic in answer.topics for one in topic.partitions if one.error_code
            ],
        )

    def _end(self) -> None:
        request = EndTxnRequest(
            transactional_id=self.transactional_id,
            producer_id=self._producer_id,
            producer_epoch=self._epoch,
            committed=True,
            max_version=5 if self._second else 4,
        )
        answer = self._asked(lambda: request, "end", on_the_way=lambda: failpoint("during_end_transaction"))
        if self._second:
            self._producer_id, self._epoch = answer.producer_id, answer.producer_epoch
            self._sequences.clear()

    def _asked(
        self,
        make: Any,
        what: str,
        *,
        group: str | None = None,
        codes: Any = lambda answer: [answer.error_code] if answer.error_code else [],
        on_the_way: Callable[[], None] | None = None,
    ) -> Any:
        """Ask a coordinator, again as long as it says to try again."""
        until = time.monotonic() + self._patience_s
        pause = _BACKOFF_S
        while True:
            kind, key = ("transaction", self.transactional_id) if group is None else ("group", group)
            node = self._wire.coordinator(kind, key)  # type: ignore[arg-type]
            answer = self._wire.ask(make(), node, on_the_way=on_the_way)
            found = codes(answer)
            if not found:
                return answer
            moved = self._judge(found[0], what, until)
            if moved:
                self._wire.forget_coordinator(kind, key)  # type: ignore[arg-type]
            time.sleep(pause)
            pause = min(2 * pause, _MOST_BACKOFF_S)

    def _judge(self, code: int, what: str, until: float, message: str | None = None) -> bool:
        """Raise what an error means, or return (whether the coordinator moved) when the request is to be sent again."""
        error = for_code(code)
        name = error.__name__
        said = f"transaction {self.transactional_id}: {what}: {name}" + (f" ({message})" if message else "")
        if name in _OVERTAKEN:
            raise Overtaken(f"{said}: the group has a new generation")
        if name in _FENCED:
            raise Fenced(f"{said}: somebody else has taken over")
        if name in _LED_ELSEWHERE:
            self._wire.forget_leaders()
        if getattr(error, "retriable", False) or name == "ConcurrentTransactionsError":
            if time.monotonic() > until:
                raise NoAnswer(f"{said}, still after {self._patience_s:g} s")
            return name in _MOVED
        if "Authorization" in name:
            raise BrokerRefused(f"{said}: the user may not do this; nothing of the transaction counts")
        if name in ("MessageSizeTooLargeError", "RecordListTooLargeError", "UnknownTopicIdError"):
            raise BrokerMismatch(f"{said}: the topic does not take what is written to it")
        raise NoAnswer(said)


def _cut(contents: Sequence[Content]) -> list[Sequence[Content]]:
    """Cut records into runs that a broker takes as one batch."""
    runs: list[Sequence[Content]] = []
    start = 0
    size = 0
    for number, (key, value, headers) in enumerate(contents):
        more = 32 + len(key or b"") + len(value or b"") + sum(len(name) + len(one) + 6 for name, one in headers)
        if size and size + more > MOST_BATCH_BYTES:
            runs.append(contents[start:number])
            start, size = number, 0
        size += more
    runs.append(contents[start:])
    return runs
