"""Which partition a key lies in: murmur2 as Apache Kafka's own clients compute it, on either broker.

Written out here and not imported from a Kafka client, whose import alone would cost each command a quarter of a second;
a test holds it to that client's and to Java's published values.
Source: MurmurHash2 by Austin Appleby (public domain), with Kafka's seed 0x9747b28c.
"""

from __future__ import annotations

import zlib
from functools import lru_cache

_MULTIPLIER = 0x5BD1E995
_MASK = 0xFFFFFFFF


@lru_cache(maxsize=1 << 17)
def partition_of_key(key: bytes, partitions: int) -> int:
    """Return the partition of a key among `partitions`; the same number that Java and kafka-python give."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def partition_of(key: bytes | None, value: bytes | None, partitions: int) -> int:
    """Return the partition of a record; without a key its value decides, so that a repeated write lands alike."""
    if key is not None:
        return partition_of_key(key, partitions)
    return zlib.crc32(value or b"") % partitions


def murmur2(data: bytes) -> int:
    """Return the hash of some bytes as an unsigned 32-bit number.

    >>> murmur2(b"21") - (1 << 32)  # Java shows it as a signed number
    -973932308
    """
    size = len(data)
    whole = size & ~3
    state = (0x9747B28C ^ size) & _MASK
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * _MULTIPLIER & _MASK
        word = (word ^ word >> 24) * _MULTIPLIER & _MASK
        state = (state * _MULTIPLIER & _MASK) ^ word
    if whole < size:
        state = ((state ^ int.from_bytes(data[whole:], "little")) * _MULTIPLIER) & _MASK
    state = (state ^ state >> 13) * _MULTIPLIER & _MASK
    return state ^ state >> 15
