"""aiokafka, by which Faust reads: a bomb is one record of its own, and what comes behind it is read."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from infra.kafka.bounded_codec import GZIP, LZ4, NAMES, SNAPPY, ZSTD
from infra.local.kafka import LocalKafka
from tests.kafka_bombs import bomb_batch, send_batch
from tests.patience import PATIENCE_S

MIB = 1 << 20
READ = """
import asyncio, json, sys
from tests.peak_memory import peak_mib
from aiokafka import AIOKafkaConsumer, TopicPartition
from infra.kafka.bounded_batches import bomb_of, bound_aiokafka
bootstrap, topic, most_bytes, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
async def read():
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    await consumer.start()
    part = TopicPartition(topic, 0)
    consumer.assign([part])
    await consumer.seek_to_beginning(part)
    seen = []
    while len(seen) < count:
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            seen += [[one.offset, len(one.value or b""), bomb_of(one.headers)] for one in records]
    await consumer.stop()
    return seen
bound_aiokafka(most_bytes)
seen = asyncio.run(read())
print(json.dumps({"seen": seen, "rss_mib": peak_mib()}))
"""


@pytest.mark.parametrize(("codec", "mib"), [(ZSTD, 1024), (GZIP, 96), (LZ4, 96), (SNAPPY, 96)])
def test_a_bomb_becomes_one_record_and_its_neighbours_are_read(
    kafka: LocalKafka, topic_prefix: str, codec: int, mib: int
) -> None:
    topic = f"{topic_prefix}inputs"
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    options = {"max.message.bytes": str(8 * MIB)}
    admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1, topic_configs=options)])
    admin.close()
    small, bomb = bomb_batch(codec, records=2, value_bytes=100), bomb_batch(codec, records=mib)
    for batch in (small, bomb, small):
        send_batch(kafka.bootstrap, topic, 0, batch)
    command = [sys.executable, "-W", "ignore", "-c", READ, kafka.bootstrap, topic, str(64 * MIB), "5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    sentence = (
        f"the batch of offsets 2 to {mib + 1}: {len(bomb) - 61} bytes of {NAMES[codec]} inflate to more than {64 * MIB}"
    )
    assert said["seen"] == [
        [0, 100, ""], [1, 100, ""], [mib + 1, 0, sentence], [mib + 2, 100, ""], [mib + 3, 100, ""],
    ]  # fmt: skip
    assert said["rss_mib"] < 512
