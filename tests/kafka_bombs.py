"""Record batches that inflate to far more than they weigh, sent to Kafka as a hostile producer would send them."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator

import pyarrow as pa
from google_crc32c import value as crc32c

from infra.kafka.batch_writing import varint
from infra.kafka.bounded_codec import LZ4, NAMES, SNAPPY
from infra.kafka.connection import KafkaConnection
from infra.kafka.settings import KafkaSection
from infra.kafka.wire import KafkaWire
from tests.patience import PATIENCE_S

MIB = 1 << 20
_XERIAL_BLOCK = 1 << 15


def bomb_batch(codec: int, *, records: int, value_bytes: int = MIB) -> bytes:
    """Return a batch of `records` records, each with no key and a value of zeros."""

    def pieces() -> Iterator[bytes]:
        for number in range(records):
            head = b"\x00\x00" + varint(number) + varint(-1) + varint(value_bytes)
            yield varint(len(head) + value_bytes + 1) + head + bytes(value_bytes) + b"\x00"

    framed = {SNAPPY: _xerial, LZ4: _lz4}
    packed = framed[codec](b"".join(pieces())) if codec in framed else _stream(NAMES[codec], pieces())
    now_ms = time.time_ns() // 1_000_000
    tail = struct.pack(">hiqqqhii", codec, records - 1, now_ms, now_ms, -1, -1, -1, records) + packed
    return struct.pack(">qiibI", 0, len(tail) + 9, -1, 2, crc32c(tail)) + tail


LEADER_NOT_AVAILABLE, NOT_LEADER = 5, 6


def send_batch(bootstrap: str, topic: str, partition: int, batch: bytes) -> int:
    """Produce the bytes of one batch and return the offset of its first record."""
    from kafka.protocol.producer import ProduceRequest

    wire = KafkaWire(KafkaConnection.of(f"kafka://{bootstrap}", KafkaSection(request_timeout_s=60.0)))
    try:
        data = ProduceRequest.TopicProduceData
        request = ProduceRequest(
            transactional_id=None,
            acks=-1,
            timeout_ms=60_000,
            topic_data=[data(name=topic, partition_data=[data.PartitionProduceData(index=partition, records=batch)])],
            max_version=11,
        )
        until = time.monotonic() + PATIENCE_S
        while True:
            node = wire.leaders([(topic, partition)])[topic, partition]
            one = wire.ask(request, node).responses[0].partition_responses[0]
            if one.error_code == 0:
                return int(one.base_offset)
            # A topic that was made this moment may have a leader that does not know it yet.
            passing = one.error_code in (LEADER_NOT_AVAILABLE, NOT_LEADER) and time.monotonic() < until
            assert passing, f"Kafka refused the batch: {one.error_code} {one.error_message}"
            time.sleep(0.1)
    finally:
        wire.close()


def _stream(name: str, pieces: Iterator[bytes]) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, name) as stream:
        for piece in pieces:
            stream.write(piece)
    return bytes(sink.getvalue().to_pybytes())


def _xerial(data: bytes) -> bytes:
    """Frame snappy blocks as Java's library does."""
    out = [b"\x82SNAPPY\x00", struct.pack(">ii", 1, 1)]
    for start in range(0, len(data), _XERIAL_BLOCK):
        piece = pa.compress(data[start : start + _XERIAL_BLOCK], "snappy", asbytes=True)
        out += [struct.pack(">i", len(piece)), piece]
    return b"".join(out)


def _lz4(data: bytes) -> bytes:
    """Frame LZ4 blocks that do not depend on each other, 64 KiB each: the only ones that Kafka takes."""
    out = [b"\x04\x22\x4d\x18\x60\x40\x82"]
    for start in range(0, len(data), 1 << 16):
        piece = pa.compress(data[start : start + (1 << 16)], "lz4_raw", asbytes=True)
        out += [struct.pack("<I", len(piece)), piece]
    return b"".join([*out, bytes(4)])
