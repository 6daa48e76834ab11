"""Kafka's record batch (format 2), written at once from many records: what a producer sends for one partition.

kafka-python's own builder takes tens of microseconds a record; a transaction here is one batch a partition, known whole
before it is sent. The checksum (CRC-32C) is computed in C, for which Python itself has no function.
Source: https://kafka.apache.org/documentation/#recordbatch; varints are Protocol Buffers' zigzag.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from google_crc32c import value as crc32c

from infra.broker import TopicPartition
from schemas.record import Headers

# Base offset, length of what follows, leader epoch, format, checksum of what follows.
_HEAD = struct.Struct(">qiibI")
# Attributes, last offset's distance, first and last time, producer's id, epoch and first sequence, count.
_REST = struct.Struct(">hiqqqhii")
_LENGTH_FROM = 12
_TRANSACTIONAL = 0x10
_MAGIC = 2
NO_PRODUCER = -1

Content = tuple[bytes | None, bytes | None, Headers]  # key, value, headers
Contents = Mapping[TopicPartition, Sequence[Content]]  # all that one transaction writes, in order within a partition


def varint(number: int) -> bytes:
    """Return a signed number as a zigzag varint.

    >>> varint(-1), varint(64), varint(300)
    (b'\\x01', b'\\x80\\x01', b'\\xd8\\x04')
    """
    rest = (number << 1) ^ (number >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


_SHORT = 8192
_varints: list[bytes] = [varint(number) for number in range(_SHORT)]
_NULL = varint(-1)


def record_batch(
    records: Sequence[Content],
    timestamp_ms: int,
    *,
    producer_id: int = NO_PRODUCER,
    producer_epoch: int = -1,
    base_sequence: int = -1,
    transactional: bool = False,
) -> bytes:
    """Return the batch of these records, all of one time; the broker gives them their offsets.

    Without a producer's id it is a plain batch, which the broker cannot recognise when it is sent twice.
    """
    parts: list[bytes] = [b""]
    add = parts.append
    short = _varints
    names: dict[str, bytes] = {}
    for number, (key, value, headers) in enumerate(records):
        start = len(parts)
        add(b"")  # the length, known at the end
        add(b"\x00\x00")  # attributes; milliseconds after the first
        size = 2
        offset = short[number] if number < _SHORT else varint(number)
        add(offset)
        size += len(offset)
        for content in (key, value):
            if content is None:
                add(_NULL)
                size += 1
            else:
                length = len(content)
                prefix = short[length] if length < _SHORT else varint(length)
                add(prefix)
                add(content)
                size += len(prefix) + length
        count = short[len(headers)] if len(headers) < _SHORT else varint(len(headers))
        add(count)
        size += len(count)
        for name, content in headers:
            if (packed := names.get(name)) is None:
                encoded = name.encode()
                packed = names[name] = varint(len(encoded)) + encoded
            length = len(content)
            prefix = short[length] if length < _SHORT else varint(length)
            add(packed)
            add(prefix)
            add(content)
            size += len(packed) + len(prefix) + length
        parts[start] = short[size] if size < _SHORT else varint(size)
    count_all = len(records)
    parts[0] = _REST.pack(
        _TRANSACTIONAL if transactional else 0,
        count_all - 1,
        timestamp_ms,
        timestamp_ms,
        producer_id,
        producer_epoch,
        base_sequence,
        count_all,
    )
    rest = b"".join(parts)
    return _HEAD.pack(0, _HEAD.size - _LENGTH_FROM + len(rest), -1, _MAGIC, crc32c(rest)) + rest
