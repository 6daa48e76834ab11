"""The same work by others, for the same kills: a process that reads lines, numbers them by device and writes them.

`python chaos_peers.py NAME BOOTSTRAP GROUP LINES NUMBERED WORKER FOLDER`, written as each library's guide shows it:

bare-transactions   kafka-python, one transaction a poll with the group's metadata; copies, has no memory
bare-auto-commit    kafka-python's consumer as most people write it: offsets are committed behind one's back; copies
quix                quixstreams with processing_guarantee="exactly-once" and its keyed state
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

SESSION_MS = 6_000
COMMIT_EVERY_S = 0.5


def bare_transactions(bootstrap: str, group: str, lines: str, numbered: str, worker: str, folder: Path) -> None:
    """Consume, copy, produce."""
    from kafka import KafkaConsumer, KafkaProducer
    from kafka.structs import OffsetAndMetadata, TopicPartition

    consumer = KafkaConsumer(
        lines,
        bootstrap_servers=bootstrap,
        group_id=group,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=SESSION_MS // 3,
        max_poll_records=50,
    )
    producer = KafkaProducer(
        bootstrap_servers=bootstrap, transactional_id=f"{group}-{worker}", transaction_timeout_ms=10_000
    )
    producer.init_transactions()
    while True:
        polled = consumer.poll(timeout_ms=200)
        if not polled:
            continue
        producer.begin_transaction()
        offsets: dict[Any, Any] = {}
        for part, records in polled.items():
            for record in records:
                producer.send(numbered, key=record.key, value=record.value)
            offsets[TopicPartition(part.topic, part.partition)] = OffsetAndMetadata(records[-1].offset + 1, "", -1)
        producer.send_offsets_to_transaction(offsets, consumer.group_metadata())
        producer.commit_transaction()


def bare_auto_commit(bootstrap: str, group: str, lines: str, numbered: str, worker: str, folder: Path) -> None:
    """Consume, copy, produce; the consumer commits every now and then."""
    from kafka import KafkaConsumer, KafkaProducer

    consumer = KafkaConsumer(
        lines,
        bootstrap_servers=bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=SESSION_MS // 3,
        auto_commit_interval_ms=int(COMMIT_EVERY_S * 1000),
    )
    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=5)
    for record in consumer:
        producer.send(numbered, key=record.key, value=record.value)


def quix(bootstrap: str, group: str, lines: str, numbered: str, worker: str, folder: Path) -> None:
    """Count by key in Quix Streams' state, exactly once as it offers it."""
    from quixstreams import Application
    from quixstreams.models import TopicConfig

    app = Application(
        broker_address=bootstrap,
        consumer_group=group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=COMMIT_EVERY_S,
        state_dir=str(folder / f"quix-{worker}"),
        consumer_extra_config={"session.timeout.ms": SESSION_MS, "heartbeat.interval.ms": SESSION_MS // 3},
        producer_extra_config={"transaction.timeout.ms": 10_000},
        loglevel="WARNING",
    )
    source = app.topic(lines, value_deserializer="json", config=TopicConfig(2, 1), key_deserializer="str")
    sink = app.topic(numbered, value_serializer="json", config=TopicConfig(3, 1), key_serializer="str")

    def number(row: dict[str, Any], state: Any) -> dict[str, Any]:
        lines_so_far = state.get("lines", 0) + 1
        state.set("lines", lines_so_far)
        return {**row, "number": lines_so_far}

    app.dataframe(source).apply(number, stateful=True).to_topic(sink)
    app.run()


WAYS = {"bare-transactions": bare_transactions, "bare-auto-commit": bare_auto_commit, "quix": quix}


def main() -> None:
    """Work until somebody ends it."""
    name, bootstrap, group, lines, numbered, worker, folder = sys.argv[1:]
    WAYS[name](bootstrap, group, lines, numbered, worker, Path(folder))


if __name__ == "__main__":
    main()
