"""Kafka's four compressions undone, never into more memory than was allowed.

A batch of 33 KB may inflate to 1 GiB, and brokers bound only the compressed size. kafka-python and aiokafka inflate
whatever comes; this stops at the bound. All four come from pyarrow, so no further package is needed to read any topic.
Snappy comes raw or in the framing of its Java library (xerial); LZ4 in its frame format.
"""

from __future__ import annotations

import struct
from typing import Final

import pyarrow as pa

GZIP: Final = 1
SNAPPY: Final = 2
LZ4: Final = 3
ZSTD: Final = 4
NAMES: Final = {GZIP: "gzip", SNAPPY: "snappy", LZ4: "lz4", ZSTD: "zstd"}

# Of a batch that is not inflated so much is kept, as evidence.
MOST_KEPT_BYTES: Final = 1 << 16
# A record of a few bytes becomes an object of two hundred: a batch may hold one record for each so many bytes of bound.
BYTES_A_RECORD: Final = 64

_CHUNK_BYTES = 1 << 20
_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEADER_BYTES = 16
_LENGTH = struct.Struct(">i")


class InflatesTooFar(ValueError):
    """Compressed bytes that hold more than was allowed; the sentence says how much that was."""


class NotCompressed(ValueError):
    """Bytes that are not what their compression's name says."""


def inflated(codec: int, data: bytes | bytearray | memoryview, *, most_bytes: int) -> bytes:
    """Return what `data` holds; `codec` is Kafka's number of the compression.

    InflatesTooFar as soon as it is known to hold more than `most_bytes`; NotCompressed when it holds nothing readable.

    >>> import gzip
    >>> inflated(GZIP, gzip.compress(b"hello"), most_bytes=5)
    b'hello'
    >>> inflated(GZIP, gzip.compress(bytes(10**6)), most_bytes=10**5)
    Traceback (most recent call last):
    infra.kafka.bounded_codec.InflatesTooFar: 1003 bytes of gzip inflate to more than 100000
    """
    name = NAMES.get(codec)
    if name is None:
        raise NotCompressed(f"expected a compression of {', '.join(NAMES.values())}, got number {codec}")
    try:
        if codec == SNAPPY:
            return _snappy(memoryview(data), most_bytes)
        return _streamed(name, data, most_bytes)
    except InflatesTooFar:
        raise
    except (pa.ArrowException, OSError, ValueError, IndexError, struct.error) as error:
        raise NotCompressed(f"expected {len(data)} bytes of {name}, got something else: {error}") from None


def bomb_sentence(first: int, last: int, why: str) -> str:
    """Say of a batch from offset `first` to `last` why it was not read."""
    return f"the batch of offsets {first} to {last}: {why}"


def _streamed(name: str, data: bytes | bytearray | memoryview, most_bytes: int) -> bytes:
    parts = []
    left = most_bytes
    with pa.CompressedInputStream(pa.BufferReader(pa.py_buffer(data)), name) as stream:
        # A chunk at a time, and at last one byte more than is allowed: the bound is all that is ever held.
        while part := stream.read(min(_CHUNK_BYTES, left + 1)):
            if len(part) > left:
                raise _too_far(name, data, most_bytes)
            left -= len(part)
            parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _snappy(data: memoryview, most_bytes: int) -> bytes:
    """Inflate snappy, whose blocks say their size before them; a block that lies about it does not inflate."""
    if data[: len(_XERIAL)] != _XERIAL:
        blocks = [data]
    else:
        blocks = []
        at = _XERIAL_HEADER_BYTES
        while at < len(data):
            (size,) = _LENGTH.unpack_from(data, at)
            if size < 0 or at + _LENGTH.size + size > len(data):
                raise ValueError(f"a block of {size} bytes at {at}")
            at += _LENGTH.size
            blocks.append(data[at : at + size])
            at += size
    sizes = [_uncompressed_size(block) for block in blocks]
    if sum(sizes) > most_bytes:
        raise _too_far("snappy", data, most_bytes)
    codec = pa.Codec("snappy")
    return b"".join(
        codec.decompress(pa.py_buffer(block), size, asbytes=True) for block, size in zip(blocks, sizes, strict=True)
    )


def _uncompressed_size(block: memoryview) -> int:
    """Read the size that a snappy block begins with (a varint of at most 32 bits)."""
    size = 0
    for index in range(5):
        size |= (block[index] & 0x7F) << (7 * index)
        if not block[index] & 0x80:
            return size
    raise ValueError("a size of more than 32 bits")


def _too_far(name: str, data: bytes | bytearray | memoryview, most_bytes: int) -> InflatesTooFar:
    return InflatesTooFar(f"{len(data)} bytes of {name} inflate to more than {most_bytes}")
