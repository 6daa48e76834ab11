"""The bare loop that a job over Kafka is held against: consume, copy, produce, transactions with the group's offsets.

`python tests/bench/copy_loop.py CLIENT BOOTSTRAP SOURCE SINK RECORDS` copies records with CLIENT (`kafka-python` or
`confluent-kafka`) as its own documentation would, 2,000 a transaction: no schema, no ids, no memory, no dead letters.
Prints one JSON object: seconds from the first record to the last commit, and processor seconds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

A_TRANSACTION = 2000
PATIENCE_S = 60.0


def with_kafka_python(bootstrap: str, source: str, sink: str, count: int) -> tuple[float, float]:
    """Copy with kafka-python's consumer and producer."""
    from kafka import KafkaConsumer, KafkaProducer
    from kafka.structs import OffsetAndMetadata, TopicPartition

    consumer = KafkaConsumer(
        source,
        bootstrap_servers=bootstrap,
        group_id=f"bare-{sink}",
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=A_TRANSACTION,
    )
    producer = KafkaProducer(bootstrap_servers=bootstrap, transactional_id=f"bare-{sink}", linger_ms=5)
    producer.init_transactions()
    done, clock = 0, Stopwatch()
    while done < count:
        waiting: list[tuple[Any, Any]] = []
        offsets: dict[Any, Any] = {}
        until = time.monotonic() + PATIENCE_S
        while len(waiting) < min(A_TRANSACTION, count - done) and time.monotonic() < until:
            polled = consumer.poll(timeout_ms=500, max_records=A_TRANSACTION - len(waiting))
            clock.start_if(bool(polled))
            for part, records in polled.items():
                waiting += [(part, record) for record in records]
                offsets[TopicPartition(part.topic, part.partition)] = OffsetAndMetadata(records[-1].offset + 1, "", -1)
        assert waiting, f"no record came within {PATIENCE_S} s"
        producer.begin_transaction()
        for _, record in waiting:
            producer.send(sink, key=record.key, value=record.value, headers=record.headers, partition=record.partition)
        producer.send_offsets_to_transaction(offsets, consumer.group_metadata())
        producer.commit_transaction()
        done += len(waiting)
    taken = clock.stop()
    producer.close()
    consumer.close()
    return taken


def with_confluent_kafka(bootstrap: str, source: str, sink: str, count: int) -> tuple[float, float]:
    """Copy with confluent-kafka's, librdkafka underneath."""
    from confluent_kafka import Consumer, Producer, TopicPartition

    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"bare-fast-{sink}",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([source])
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "transactional.id": f"bare-fast-{sink}",
            "queue.buffering.max.messages": 1_000_000,
            "linger.ms": 5,
        }
    )
    producer.init_transactions(30)
    done, clock = 0, Stopwatch()
    while done < count:
        wanted = min(A_TRANSACTION, count - done)
        records: list[Any] = []
        until = time.monotonic() + PATIENCE_S
        while len(records) < wanted and time.monotonic() < until:
            found = consumer.consume(wanted - len(records), timeout=0.5)
            clock.start_if(bool(found))
            records += [one for one in found if one.error() is None]
        assert records, f"no record came within {PATIENCE_S} s"
        producer.begin_transaction()
        ends: dict[tuple[str, int], int] = {}
        for one in records:
            producer.produce(sink, value=one.value(), key=one.key(), headers=one.headers(), partition=one.partition())
            ends[one.topic(), one.partition()] = one.offset() + 1
        places = [TopicPartition(topic, partition, offset) for (topic, partition), offset in ends.items()]
        producer.send_offsets_to_transaction(places, consumer.consumer_group_metadata(), 30)
        producer.commit_transaction(30)
        done += len(records)
    taken = clock.stop()
    consumer.close()
    return taken


class Stopwatch:
    """Counts from the first record on, so that joining the group is not part of the loop."""

    def __init__(self) -> None:
        self._started: tuple[float, float] | None = None

    def start_if(self, now: bool) -> None:
        """Start at the first call that says so."""
        if now and self._started is None:
            self._started = (time.perf_counter(), time.process_time())

    def stop(self) -> tuple[float, float]:
        """Return wall and processor seconds since."""
        assert self._started is not None
        return time.perf_counter() - self._started[0], time.process_time() - self._started[1]


CLIENTS: dict[str, Callable[[str, str, str, int], tuple[float, float]]] = {
    "kafka-python": with_kafka_python,
    "confluent-kafka": with_confluent_kafka,
}


def main() -> None:
    """Copy and print."""
    client, bootstrap, source, sink, count = sys.argv[1:]
    seconds, cpu = CLIENTS[client](bootstrap, source, sink, int(count))
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu}))


if __name__ == "__main__":
    main()
