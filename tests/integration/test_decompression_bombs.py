"""A batch that inflates to a gibibyte: one refused record in its place, little memory, and the stream goes on."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from infra.kafka.bounded_codec import GZIP, LZ4, NAMES, SNAPPY, ZSTD
from infra.local.kafka import LocalKafka
from tests.kafka_bombs import bomb_batch, send_batch
from tests.patience import PATIENCE_S

MIB = 1 << 20
MOST_RSS_MIB = 512

# Reads everything as a job would, and says what it saw and how much memory that took.
READ = """
import json, sys
from tests.peak_memory import peak_mib
from infra.broker import TopicPartition
from infra.kafka.broker import KafkaBroker
from infra.kafka.connection import KafkaConnection
from infra.kafka.settings import KafkaSection
bootstrap, topic, most_bytes, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
section = KafkaSection(max_decompressed_bytes=most_bytes, request_timeout_s=60)
connection = KafkaConnection.of(f"kafka://{bootstrap}", section)
seen, offset = [], 0
with KafkaBroker(connection) as broker:
    while len(seen) < count:
        for record in broker.read(TopicPartition(topic, 0), offset, max_records=100, max_bytes=1 << 20):
            seen.append([record.offset, len(record.value), record.bomb])
            offset = record.offset + 1
print(json.dumps({"seen": seen, "rss_mib": peak_mib()}))
"""


def read(kafka: LocalKafka, topic: str, most_bytes: int, count: int) -> tuple[list[list[object]], int]:
    command = [sys.executable, "-W", "ignore", "-c", READ, kafka.bootstrap, topic, str(most_bytes), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    return said["seen"], said["rss_mib"]


def make_topic(kafka: LocalKafka, name: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    options = {"max.message.bytes": str(8 * MIB), "message.timestamp.type": "LogAppendTime"}
    admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1, topic_configs=options)])
    admin.close()


def send(kafka: LocalKafka, topic: str, value: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    producer.send(topic, value, partition=0).get(PATIENCE_S)
    producer.close()


@pytest.mark.parametrize(("codec", "mib"), [(ZSTD, 1024), (GZIP, 512), (LZ4, 128), (SNAPPY, 96)])
def test_a_bomb_becomes_one_record_and_its_neighbours_are_read(
    kafka: LocalKafka, topic_prefix: str, codec: int, mib: int
) -> None:
    topic = f"{topic_prefix}inputs"
    make_topic(kafka, topic)
    send(kafka, topic, b"before")
    batch = bomb_batch(codec, records=mib)
    assert send_batch(kafka.bootstrap, topic, 0, batch) == 1
    send(kafka, topic, b"after")

    [before, bomb, after], rss_mib = read(kafka, topic, 64 * MIB, 3)

    assert (before, after) == ([0, 6, ""], [mib + 1, 5, ""])
    packed = len(batch) - 61
    assert bomb == [
        mib,
        min(packed, 1 << 16),
        f"the batch of offsets 1 to {mib}: {packed} bytes of {NAMES[codec]} inflate to more than {64 * MIB}",
    ]
    assert rss_mib < MOST_RSS_MIB


@pytest.mark.parametrize("codec", NAMES)
def test_a_batch_within_the_bound_is_read_without_further_packages(
    kafka: LocalKafka, topic_prefix: str, codec: int
) -> None:
    topic = f"{topic_prefix}inputs"
    make_topic(kafka, topic)
    send_batch(kafka.bootstrap, topic, 0, bomb_batch(codec, records=5, value_bytes=1000))
    seen, _ = read(kafka, topic, MIB, 5)
    assert seen == [[offset, 1000, ""] for offset in range(5)]
