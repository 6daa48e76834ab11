"""Which library writes to Kafka: kafka-python's protocol with batches of our own, or librdkafka by confluent-kafka.

Reading is ours in both cases (infra/kafka/reader.py): it is bounded where librdkafka's is not, and nearly as quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from infra.broker import Offset, TopicPartition
from infra.kafka.batch_writing import Contents

if TYPE_CHECKING:
    from infra.kafka.connection import KafkaConnection
    from infra.kafka.transaction import Member


class TransactionalWriter(Protocol):
    """Commits transactions under one transactional id; making one ends whatever an earlier holder of it left open."""

    transactional_id: str

    def commit(
        self,
        records: Contents,
        offsets: Mapping[TopicPartition, Offset],
        member: Member,
        renew: Callable[[Member], Member] | None = None,
    ) -> dict[TopicPartition, int]:
        """Write everything in one transaction; return the offset of the first record of each partition.

        `renew` gives another proof when the group would not take `member` any more, or raises Fenced.

        Raises Fenced when another owns the stream or the id now (nothing was written that counts), NoAnswer when it
        is not known whether it counts. After either the producer is to be closed.
        """
        ...

    def close(self) -> None:
        """Drop the connections."""
        ...


def transactional_writer(connection: KafkaConnection, transactional_id: str) -> TransactionalWriter:
    """Make a writer by the client that the settings name."""
    if connection.section.client == "confluent":
        from infra.kafka.confluent_connection import check_installed  # noqa: PLC0415

        check_installed()
        from infra.kafka.confluent_transaction import ConfluentProducer  # noqa: PLC0415 - of an extra

        return ConfluentProducer(connection, transactional_id)
    from infra.kafka.transaction import TransactionalProducer  # noqa: PLC0415 - one of the two is enough

    return TransactionalProducer(connection, transactional_id)
