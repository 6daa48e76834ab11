"""Batches that hold far more than they weigh: refused one by one, and never many of them at a time."""

from __future__ import annotations

import subprocess
import sys

import pytest

from infra.kafka.batch_reading import committed_records
from infra.kafka.bounded_codec import GZIP, LZ4, NAMES, SNAPPY, ZSTD
from tests.kafka_bombs import bomb_batch
from tests.patience import PATIENCE_S

MIB = 1 << 20


def at(batch: bytes, offset: int) -> bytes:
    """Place a batch at an offset, as a broker does."""
    return offset.to_bytes(8, "big") + batch[8:]


@pytest.mark.parametrize("codec", NAMES)
def test_a_batch_beyond_the_bound_is_one_record_at_its_last_offset(codec: int) -> None:
    bomb = bomb_batch(codec, records=3, value_bytes=MIB)
    data = at(bomb_batch(codec, records=2, value_bytes=10), 5) + at(bomb, 7) + at(bomb_batch(codec, records=1), 10)
    records, behind = committed_records(data, 6, [], most_bytes=2 * MIB)
    assert behind == 11
    assert [(one.offset, len(one.value or b""), bool(one.bomb)) for one in records] == [
        (6, 10, False),
        (9, min(len(bomb) - 61, 1 << 16), True),
        (10, MIB, False),
    ]
    assert records[1].bomb == (
        f"the batch of offsets 7 to 9: {len(bomb) - 61} bytes of {NAMES[codec]} inflate to more than {2 * MIB}"
    )


@pytest.mark.parametrize("codec", [GZIP, ZSTD])
def test_a_batch_of_very_many_records_is_a_bomb_too(codec: int) -> None:
    bomb = bomb_batch(codec, records=20_000, value_bytes=0)
    [record], behind = committed_records(bomb, 0, [], most_bytes=MIB)
    assert (behind, record.offset) == (20_000, 19_999)
    assert record.bomb == f"the batch of offsets 0 to 19999: 20000 records in {len(bomb) - 61} bytes"
    records, _ = committed_records(bomb, 0, [], most_bytes=2 * MIB)
    assert len(records) == 20_000


@pytest.mark.parametrize("codec", [SNAPPY, LZ4])
def test_batches_below_the_bound_are_read_a_few_at_a_time(codec: int) -> None:
    batch = bomb_batch(codec, records=3, value_bytes=MIB)
    data = b"".join(at(batch, 3 * number) for number in range(20))
    position, seen = 0, []
    while position < 60:
        records, behind = committed_records(data[position // 3 * len(batch) :], position, [], most_bytes=4 * MIB)
        assert 0 < sum(len(one.value or b"") for one in records) <= 12 * MIB
        seen += [one.offset for one in records]
        position = behind
    assert seen == list(range(60))


def test_an_aborted_bomb_is_no_record_at_all() -> None:
    bomb = bytearray(bomb_batch(ZSTD, records=3))
    bomb[22] |= 0x10  # attributes: of a transaction
    bomb[43:51] = (77).to_bytes(8, "big")  # its producer
    assert committed_records(bytes(bomb), 0, [(77, 0)], most_bytes=MIB) == ([], 3)


def test_a_megabyte_of_bombs_takes_little_memory() -> None:
    """What one answer of a broker may hold: batches of 33 KB that inflate to a gibibyte, one of a million records."""
    program = """
from tests.peak_memory import peak_mib
from infra.kafka.batch_reading import committed_records
from infra.kafka.bounded_codec import ZSTD
from tests.kafka_bombs import bomb_batch
bomb = bomb_batch(ZSTD, records=1024)
many = bomb_batch(ZSTD, records=1_000_000, value_bytes=0)
data = b"".join((1024 * number).to_bytes(8, "big") + bomb[8:] for number in range(10))
data += (10 * 1024).to_bytes(8, "big") + many[8:]
position, count = 0, 0
while data:
    records, behind = committed_records(data, position, [], most_bytes=64 << 20)
    count += len(records)
    if behind == 10 * 1024 + 1_000_000:
        break
    position, data = behind, data[(behind - position) // 1024 * len(bomb):]
print(count, peak_mib())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    count, rss_mib = map(int, done.stdout.split())
    assert count == 10 + 1_000_000
    assert rss_mib < 512
