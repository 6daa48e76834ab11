"""A batch written by hubbub is one that kafka-python reads, its checksum included."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from kafka.record.memory_records import MemoryRecords

from infra.kafka.batch_writing import Content, record_batch, varint


@given(st.integers(-(1 << 62), 1 << 62))
def test_a_varint_reads_back(number: int) -> None:
    value = shift = 0
    for byte in varint(number):
        value |= (byte & 0x7F) << shift
        shift += 7
    assert (value >> 1) ^ -(value & 1) == number


contents = st.tuples(
    st.none() | st.binary(max_size=200),
    st.none() | st.binary(max_size=9000),
    st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=80)), max_size=4).map(tuple),
)


@given(st.lists(contents, min_size=1, max_size=30), st.integers(0, 1 << 42), st.booleans())
def test_kafka_python_reads_what_was_written(records: list[Content], time_ms: int, transactional: bool) -> None:
    batch = record_batch(
        records, time_ms, producer_id=77, producer_epoch=3, base_sequence=12, transactional=transactional
    )
    read = MemoryRecords(batch).next_batch()
    assert read.validate_crc()
    assert (read.producer_id, read.producer_epoch, read.base_sequence) == (77, 3, 12)
    assert read.is_transactional == transactional
    assert [(one.offset, one.timestamp, one.key, one.value, tuple(one.headers)) for one in read] == [
        (number, time_ms, *record) for number, record in enumerate(records)
    ]


def test_a_long_batch_counts_its_offsets_right() -> None:
    records: list[Content] = [(b"%d" % number, b"x", ()) for number in range(20_000)]
    read = list(MemoryRecords(record_batch(records, 1)).next_batch())
    assert [one.offset for one in read] == list(range(20_000))
    assert read[-1].key == b"19999"
