"""Record batches as Kafka stores them are read as they were written, by our own writer and by kafka-python's."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.record.default_records import DefaultRecordBatchBuilder

from infra.kafka.batch_reading import UnreadableBatch, committed_records
from infra.kafka.batch_writing import Content, record_batch
from schemas.record import Record

CONTENTS = st.lists(
    st.tuples(
        st.none() | st.binary(max_size=300),
        st.none() | st.binary(max_size=300),
        st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=80)), max_size=4).map(tuple),
    ),
    min_size=1,
    max_size=20,
)
NO_BOMB = 1 << 20
ABORT, COMMIT = 0, 1


def at(base: int, batch: bytes) -> bytes:
    """Return a batch as a broker stores it, at the offset that it gave it."""
    return struct.pack(">q", base) + batch[8:]


def plain(records: list[Record]) -> list[Content]:
    return [(record.key, record.value, record.headers) for record in records]


def of_kafka_python(
    contents: list[Content], *, codec: int = 0, transactional: bool = False, producer: int = -1
) -> bytes:
    builder: Any = DefaultRecordBatchBuilder(2, codec, transactional, producer, 0, 0, 1 << 20)
    for number, (key, value, headers) in enumerate(contents):
        builder.append(number, 5000 + number, key, value, list(headers))
    return bytes(builder.build())


def marker(base: int, producer: int, kind: int) -> bytes:
    """Return the end of a transaction as a broker writes it."""
    key = struct.pack(">hh", 0, kind)
    batch = bytearray(
        record_batch([(key, bytes(6), ())], 0, producer_id=producer, producer_epoch=0, transactional=True)
    )
    attributes = 21
    struct.pack_into(">h", batch, attributes, struct.unpack_from(">h", batch, attributes)[0] | 0x20)
    return at(base, bytes(batch))


def transaction(base: int, producer: int, *values: bytes) -> bytes:
    contents: list[Content] = [(b"k", value, ()) for value in values]
    return at(base, record_batch(contents, 0, producer_id=producer, producer_epoch=0, transactional=True))


@given(CONTENTS, st.integers(0, 25))
def test_what_was_written_is_read(contents: list[Content], start: int) -> None:
    records, behind = committed_records(at(3, record_batch(contents, 77)), start, [], most_bytes=NO_BOMB)
    assert plain(records) == [one for number, one in enumerate(contents) if number + 3 >= start]
    assert behind == max(3 + len(contents), start)
    assert {record.timestamp_us for record in records} <= {77_000}


@given(CONTENTS)
def test_what_kafka_python_writes_is_read(contents: list[Content]) -> None:
    records, _ = committed_records(of_kafka_python(contents), 0, [], most_bytes=NO_BOMB)
    assert plain(records) == contents
    assert [record.timestamp_us for record in records] == [(5000 + number) * 1000 for number in range(len(contents))]


def test_a_compressed_batch_is_read() -> None:
    contents: list[Content] = [(str(number).encode(), b"x" * 500, (("h", b"v"),)) for number in range(100)]
    packed = of_kafka_python(contents, codec=1)
    assert len(packed) < 5000
    assert plain(committed_records(packed, 0, [], most_bytes=NO_BOMB)[0]) == contents
    [bomb] = committed_records(packed, 0, [], most_bytes=30_000)[0]
    assert (bomb.offset, bomb.key) == (99, None)
    assert "inflate to more than 30000" in bomb.bomb


def test_null_headers_are_empty() -> None:
    packed = of_kafka_python([(b"k", b"v", (("h", None),))])  # type: ignore[list-item] # hubbub never writes one
    assert committed_records(packed, 0, [], most_bytes=NO_BOMB)[0][0].headers == (("h", b""),)


def test_only_committed_records_are_read() -> None:
    log = b"".join(
        [
            transaction(0, 7, b"aborted", b"aborted too"),
            transaction(2, 8, b"of another"),
            marker(3, 7, ABORT),
            transaction(4, 7, b"of a later transaction"),
            marker(5, 8, COMMIT),
            marker(6, 7, COMMIT),
        ]
    )
    records, behind = committed_records(log, 0, [(7, 0)], most_bytes=NO_BOMB)
    assert [(record.offset, record.value) for record in records] == [(2, b"of another"), (4, b"of a later transaction")]
    assert behind == 7
    assert committed_records(marker(9, 7, COMMIT), 9, [], most_bytes=NO_BOMB) == ([], 10)


@given(st.integers(0, 400))
def test_a_batch_that_is_cut_off_waits_for_the_next_answer(size: int) -> None:
    first = at(0, record_batch([(b"a", b"1", ())], 0))
    second = at(1, record_batch([(b"b", b"2" * 200, ())], 0))
    records, behind = committed_records((first + second)[:size], 0, [], most_bytes=NO_BOMB)
    whole = (size >= len(first)) + (size >= len(first) + len(second))
    assert ([record.offset for record in records], behind) == (list(range(whole)), whole)


def test_another_format_is_named() -> None:
    batch = bytearray(record_batch([(b"a", b"1", ())], 0))
    batch[16] = 1
    with pytest.raises(UnreadableBatch, match="offset 0: expected a record batch of format 2, got 1"):
        committed_records(bytes(batch), 0, [], most_bytes=NO_BOMB)


def test_damaged_bytes_are_named() -> None:
    batch = bytearray(record_batch([(b"a", b"1", ())], 0))
    struct.pack_into(">i", batch, 57, 9)  # the count
    with pytest.raises(UnreadableBatch, match="expected 9 records, got damaged bytes"):
        committed_records(bytes(batch), 0, [], most_bytes=NO_BOMB)
