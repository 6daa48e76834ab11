"""Ticks: written by the engine that finds a partition quiet, read again by replay. See ARCHITECTURE.md, "Time"."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

import orjson
import pyarrow as pa

from infra.broker import Broker, TopicPartition
from schemas.identity import identity
from schemas.json_codec import JsonCodec
from schemas.record import Append
from schemas.ticks import TICKS

READ_RECORDS = 10_000
READ_BYTES = 16 << 20


def tick_record(group: str, part: TopicPartition, offset: int, watermark_us: int) -> Append:
    """Return the observation that `part` ended at `offset` and its time moved to `watermark_us`."""
    stream = f"{group}:{part}"
    seconds, microseconds = divmod(watermark_us, 1_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)
    value = orjson.dumps(
        {
            "stream": stream,
            "group": group,
            "topic": part.topic,
            "partition": part.partition,
            "offset": offset,
            "event_time": moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        }
    )
    tick_id = identity("tick", stream, offset, watermark_us)
    return Append(TICKS.name, stream.encode(), value, (("ce_hubbubid", tick_id.encode()),))


def read_ticks(broker: Broker, group: str) -> dict[TopicPartition, list[tuple[int, int]]]:
    """Return what a group has observed so far: (offset, watermark) by partition, in the order it was observed."""
    found: dict[TopicPartition, list[tuple[int, int]]] = defaultdict(list)
    codec = JsonCodec(TICKS)
    for partition in range(TICKS.partitions):
        part = TopicPartition(TICKS.name, partition)
        offset = broker.bounds(part)[0]
        while records := broker.read(part, offset, max_records=READ_RECORDS, max_bytes=READ_BYTES):
            rows = codec.decode(TICKS.name, partition, records).batch
            times = rows.column("event_time").view(pa.int64()).to_pylist()
            names = ("group", "topic", "partition", "offset")
            for row_group, topic, number, at, time_us in zip(
                *(rows.column(n).to_pylist() for n in names), times, strict=True
            ):
                if row_group == group:
                    found[TopicPartition(topic, number)].append((at, time_us))
            offset = records[-1].offset + 1
    return dict(found)
