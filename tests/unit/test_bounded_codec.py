"""Kafka's compressions, inflated up to a bound and no further."""

from __future__ import annotations

import gzip
import random
import struct
import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.kafka.bounded_codec import GZIP, LZ4, NAMES, SNAPPY, ZSTD, InflatesTooFar, NotCompressed, inflated
from tests.patience import PATIENCE_S

MIB = 1 << 20


def compressed(codec: int, data: bytes) -> bytes:
    """Compress as a producer would."""
    if codec == GZIP:
        return gzip.compress(data)
    if codec == SNAPPY:
        return bytes(pa.compress(data, "snappy", asbytes=True))
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, NAMES[codec]) as stream:
        stream.write(data)
    return bytes(sink.getvalue().to_pybytes())


def xerial(data: bytes, block: int = 32 * 1024) -> bytes:
    """Frame snappy blocks as Java's library does."""
    out = b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)
    for start in range(0, len(data), block):
        piece = pa.compress(data[start : start + block], "snappy", asbytes=True)
        out += struct.pack(">i", len(piece)) + piece
    return out


@pytest.mark.parametrize("codec", NAMES)
@given(data=st.binary(max_size=3000))
def test_gives_back_what_was_compressed(codec: int, data: bytes) -> None:
    assert inflated(codec, compressed(codec, data), most_bytes=len(data)) == data


@pytest.mark.parametrize("codec", NAMES)
@pytest.mark.parametrize("size", [MIB - 1, MIB, MIB + 1, 3 * MIB])
def test_the_bound_is_exact_around_the_size_of_a_chunk(codec: int, size: int) -> None:
    data = random.Random(size).randbytes(size)
    packed = compressed(codec, data)
    assert inflated(codec, packed, most_bytes=size) == data
    with pytest.raises(InflatesTooFar, match=f"^{len(packed)} bytes of {NAMES[codec]} inflate to more than {size - 1}"):
        inflated(codec, packed, most_bytes=size - 1)


def test_snappy_in_the_framing_of_java() -> None:
    data = random.Random(1).randbytes(100_000)
    assert inflated(SNAPPY, xerial(data), most_bytes=len(data)) == data
    assert inflated(SNAPPY, memoryview(xerial(data)), most_bytes=len(data)) == data
    with pytest.raises(InflatesTooFar):
        inflated(SNAPPY, xerial(data), most_bytes=len(data) - 1)


def test_several_frames_one_after_the_other() -> None:
    for codec in (GZIP, ZSTD, LZ4):
        both = compressed(codec, b"one") + compressed(codec, b"two")
        assert inflated(codec, both, most_bytes=6) == b"onetwo"


@pytest.mark.parametrize("codec", [*NAMES, 5, 7])
@pytest.mark.parametrize("data", [b"\x00\x01\x02\x03", b"\xff" * 40, b"\x82SNAPPY\x00" + b"\xff" * 20])
def test_what_is_not_compressed_is_said_to_be_so(codec: int, data: bytes) -> None:
    with pytest.raises(NotCompressed):
        inflated(codec, data, most_bytes=MIB)


@pytest.mark.parametrize("codec", NAMES)
def test_a_cut_off_stream_is_not_taken_for_a_whole_one(codec: int) -> None:
    data = random.Random(2).randbytes(5000)
    with pytest.raises(NotCompressed):
        inflated(codec, compressed(codec, data)[:-700], most_bytes=MIB)


def test_a_snappy_block_that_lies_about_its_size_does_not_inflate() -> None:
    honest = pa.compress(bytes(1000), "snappy", asbytes=True)
    with pytest.raises(NotCompressed):
        inflated(SNAPPY, b"\x05" + honest[2:], most_bytes=MIB)


@pytest.mark.parametrize("codec", NAMES)
def test_a_gibibyte_in_a_few_kilobytes_takes_little_memory(codec: int) -> None:
    """Each inflates to 1 GiB; the process must stay far below it."""
    program = f"""
from tests.peak_memory import peak_mib
import pyarrow as pa
from infra.kafka.bounded_codec import InflatesTooFar, inflated
def bomb(codec, size=1 << 30):
    if codec == 2:  # the size before the block is believed to refuse it, never to allocate it
        return b"\\x80\\x80\\x80\\x80\\x04" + b"\\xfe\\x01\\x00" * 10000
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, {{1: "gzip", 3: "lz4", 4: "zstd"}}[codec]) as stream:
        for _ in range(size >> 20):
            stream.write(bytes(1 << 20))
    return sink.getvalue().to_pybytes()
packed = bomb({codec})
try:
    inflated({codec}, packed, most_bytes=64 << 20)
except InflatesTooFar:
    print(peak_mib())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 400
