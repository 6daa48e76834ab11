"""One producer's transactions by librdkafka: what infra/kafka/transaction.py promises, records written by C code.

A transaction is known whole before it begins. The group's member is kept elsewhere (infra/kafka/group.py), so its
proof of ownership (KIP-447) is given to librdkafka in the form in which librdkafka itself writes it down.
"""

from __future__ import annotations

import queue
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import TopicPartition as Place

from infra.broker import BrokerMismatch, BrokerRefused, Fenced, Offset, TopicPartition
from infra.failpoints import failpoint
from infra.kafka.batch_writing import Content, Contents
from infra.kafka.confluent_connection import confluent_arguments, silent_logger
from infra.kafka.transaction import MOST_BATCH_BYTES, MOST_RENEWALS, Member, Overtaken
from infra.kafka.wire import NoAnswer

if TYPE_CHECKING:
    from infra.kafka.connection import KafkaConnection

# A record may be larger than a batch, as far as its topic allows.
MOST_MESSAGE_BYTES = 16 << 20
_LOOK_AGAIN_S = 0.05
_GRACE_S = 1.0
_MAGIC = b"CGMDv2:"

_FENCED = frozenset(
    {
        KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.UNKNOWN_MEMBER_ID, KafkaError.FENCED_INSTANCE_ID, KafkaError.INVALID_PRODUCER_ID_MAPPING,
        KafkaError.STALE_MEMBER_EPOCH,
    }
)  # fmt: skip
_OVERTAKEN = frozenset({KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS})
_REFUSED = frozenset(
    {
        KafkaError._AUTHENTICATION, KafkaError._SSL, KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED, KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)  # fmt: skip
_MISMATCHED = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE, KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION, KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.UNKNOWN_TOPIC_ID,
    }
)  # fmt: skip


class ConfluentProducer:
    """The TransactionalWriter (infra/kafka/client.py) by librdkafka."""

    def __init__(self, connection: KafkaConnection, transactional_id: str) -> None:
        self.transactional_id = transactional_id
        self._url = connection.url
        self._timeout_s = connection.section.transaction_timeout_s
        self._failure: KafkaError | None = None
        self._answer_s = min(connection.section.request_timeout_s, self._timeout_s)
        self._producer = Producer(
            {
                **confluent_arguments(connection),
                "socket.timeout.ms": round(
                    self._answer_s * 1000
                ),  # librdkafka takes no longer one than the transaction's
                "transactional.id": transactional_id,
                "transaction.timeout.ms": round(self._timeout_s * 1000),
                "delivery.timeout.ms": round(self._timeout_s * 1000),
                "message.max.bytes": MOST_MESSAGE_BYTES,
                "batch.size": MOST_BATCH_BYTES,
                "linger.ms": 5,
                "queue.buffering.max.messages": 1_000_000,
                "error_cb": self._note,
            },
            logger=silent_logger(),
        )
        self._begin()

    def close(self) -> None:
        """Drop the connections; an open transaction is left to the next holder of the id."""
        self._producer.purge(blocking=False)
        del self._producer

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
        for _ in range(MOST_RENEWALS):
            try:
                return self._attempt(records, offsets, member)
            except Overtaken:
                if renew is None:
                    raise
                self._give_up()
                member = renew(member)
        return self._attempt(records, offsets, member)

    def _attempt(
        self,
        records: Contents,
        offsets: Mapping[TopicPartition, Offset],
        member: Member,
    ) -> dict[TopicPartition, int]:
        first: dict[TopicPartition, int] = {}
        failed: dict[TopicPartition, KafkaError] = {}
        doing = "produce"
        try:
            self._producer.begin_transaction()
            for part, contents in records.items():
                self._produce(part, contents, first, failed)
            failpoint("after_produce")
            if offsets:
                doing = f"commit offsets of group {member.group}"
                places = [_place(part, at) for part, at in offsets.items()]
                proof = _metadata(member)
                self._bounded(lambda: self._producer.send_offsets_to_transaction(places, proof, self._answer_s), doing)
            failpoint("after_send_offsets")
            doing = "end"
            failpoint("during_end_transaction")
            self._producer.commit_transaction(self._timeout_s)
        except KafkaException as error:
            # Records that were never sent are reported, too: the reason is in another's report, or in the error itself.
            reasons = [(reason, part) for part, reason in failed.items() if reason.code() in _REFUSED | _MISMATCHED]
            reason, where = reasons[0] if reasons else (error.args[0], next(iter(failed), None))
            raise self._meaning(reason, f"produce to {where}" if where else doing) from None
        missing = [part for part, contents in records.items() if contents and part not in first]
        assert not missing, f"no delivery report of {missing}; this is a bug"
        return first

    def _bounded(self, call: Callable[[], object], doing: str) -> None:
        """Make a call that may never return: librdkafka forgets its time when a coordinator goes away.

        See https://github.com/confluentinc/librdkafka/issues/5456. The thread that is left behind holds nothing but the
        producer, which its owner throws away.
        """
        outcome: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

        def run() -> None:
            try:
                call()
            except BaseException as error:  # noqa: BLE001 - raised again by who waits
                outcome.put(error)
            else:
                outcome.put(None)

        threading.Thread(target=run, daemon=True, name="librdkafka").start()
        try:
            error = outcome.get(timeout=self._answer_s + _GRACE_S)
        except queue.Empty:
            said = f"{self._url}: transaction {self.transactional_id}: {doing}"
            raise NoAnswer(f"{said}: no answer within {self._answer_s:g} s") from None
        if error is not None:
            raise error

    def _give_up(self) -> None:
        """End a transaction that nothing of is to count: librdkafka lets none go on after an error."""
        try:
            self._producer.abort_transaction(self._timeout_s)
        except KafkaException as error:
            raise self._meaning(error.args[0], "give up") from None

    def _begin(self) -> None:
        until = time.monotonic() + self._timeout_s
        while True:
            try:
                self._producer.init_transactions(max(until - time.monotonic(), 0.1))
                return
            except KafkaException as error:
                reason = error.args[0]
                refused = self._failure is not None and self._failure.code() in _REFUSED
                if not reason.retriable() or refused or time.monotonic() > until:
                    raise self._meaning(self._failure if refused and self._failure else reason, "begin") from None
                time.sleep(_LOOK_AGAIN_S)

    def _produce(
        self,
        part: TopicPartition,
        contents: Sequence[Content],
        first: dict[TopicPartition, int],
        failed: dict[TopicPartition, KafkaError],
    ) -> None:
        """Queue one partition's records; the report on the first of them says where they lie."""

        def note(error: KafkaError | None, message: Any) -> None:  # noqa: ANN401 - confluent-kafka has no types
            if error is not None:
                failed[part] = error
            else:
                first[part] = message.offset()

        topic, partition = part.topic, part.partition
        produce = self._producer.produce
        report: Any = note
        for key, value, headers in contents:
            while True:
                try:
                    produce(topic, value, key, partition, on_delivery=report, headers=list(headers))
                    break
                except BufferError:
                    self._producer.poll(_LOOK_AGAIN_S)
            report = None

    def _note(self, error: KafkaError) -> None:
        self._failure = error

    def _meaning(self, error: KafkaError, doing: str) -> Exception:
        """Return the port's error for one of librdkafka's."""
        code = error.code()
        said = f"{self._url}: transaction {self.transactional_id}: {doing}: {error.name()}: {error.str()}"
        if code in _OVERTAKEN:
            return Overtaken(f"{said}: the group has a new generation")
        if code in _FENCED:
            return Fenced(f"{said}: somebody else has taken over")
        if code in _REFUSED:
            return BrokerRefused(f"{said}: the user may not do this; nothing of the transaction counts")
        if code in _MISMATCHED:
            return BrokerMismatch(f"{said}: the topic does not take what is written to it")
        return NoAnswer(said)


def _place(part: TopicPartition, at: Offset) -> Place:
    # confluent-kafka sends a note with its terminating zero, so hubbub reads notes without one.
    return Place(part.topic, part.partition, at.next_offset, *([at.note] if at.note else []))


def _metadata(member: Member) -> bytes:
    """Write a group's member down as librdkafka does (rd_kafka_consumer_group_metadata_write, version 2).

    >>> _metadata(Member("g", 7, "m", None))
    b'CGMDv2:\\x07\\x00\\x00\\x00g\\x00m\\x00\\x01'
    """
    instance = member.instance_id
    parts = [_MAGIC, struct.pack("=i", member.generation), member.group.encode(), b"\0", member.member_id.encode()]
    parts += [b"\0", b"\1" if instance is None else b"\0" + instance.encode() + b"\0"]
    return b"".join(parts)
