"""Partitions of keys: the numbers that Apache Kafka's own clients give."""

from __future__ import annotations

import random
import warnings

import pytest

from infra.partitioner import murmur2, partition_of, partition_of_key


@pytest.mark.parametrize(
    ("key", "signed"),
    [  # the values of Apache Kafka's own unit test of its hash
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_hash_is_java_s(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % (1 << 32)


def test_hash_is_the_python_client_s() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the client's own import warns
        from kafka.partitioner.default import murmur2 as theirs
    draw = random.Random(7)
    keys = [draw.randbytes(size) for size in range(70) for _ in range(20)]
    assert [murmur2(key) for key in keys] == [theirs(key) & 0xFFFFFFFF for key in keys]


def test_a_record_without_a_key_lands_alike_each_time() -> None:
    assert partition_of(None, b"value", 8) == partition_of(None, b"value", 8)
    assert partition_of(None, None, 8) in range(8)
    assert partition_of(b"k", b"value", 8) == partition_of_key(b"k", 8)
