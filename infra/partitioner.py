"""Which partition a key lies in: murmur2 as Apache Kafka's own clients compute it, on either broker."""

from __future__ import annotations

import zlib
from functools import lru_cache

from kafka.partitioner.default import murmur2


@lru_cache(maxsize=1 << 17)
def partition_of_key(key: bytes, partitions: int) -> int:
    """Return the partition of a key among `partitions`; the same number that Java and kafka-python give."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


def partition_of(key: bytes | None, value: bytes | None, partitions: int) -> int:
    """Return the partition of a record; without a key its value decides, so that a repeated write lands alike."""
    if key is not None:
        return partition_of_key(key, partitions)
    return zlib.crc32(value or b"") % partitions
