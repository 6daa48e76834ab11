"""Between Faust's agents and the work: in order, nothing twice, nothing missing, bounded."""

from __future__ import annotations

import pytest

from infra.broker import TopicPartition
from pipelines.engines.faust.delivery import Bundle, Delivery, DeliveryGap
from schemas.record import Record

PART = TopicPartition("device.logs", 3)


def record(offset: int, size: int = 10) -> Record:
    return Record(offset, 0, b"k", b"v" * size)


def delivery(most_bytes: int = 1 << 20) -> tuple[Delivery, list[str]]:
    said: list[str] = []
    return Delivery(most_bytes, lambda part: said.append("pause"), lambda part: said.append("resume")), said


def read(buffer: Delivery, offset: int, count: int = 100) -> list[int]:
    return [one.offset for one in buffer.read(PART, offset, max_records=count, max_bytes=1 << 20)]


def test_records_come_out_from_where_they_are_asked_for() -> None:
    """Holes are stepped over; what lies before is forgotten; what was delivered twice comes once."""
    buffer, _ = delivery()
    buffer.put(PART, Bundle(0, None, 12, [record(5), record(9), record(11)]))
    buffer.put(PART, Bundle(0, 5, 12, [record(5), record(9), record(11)]))
    buffer.put(PART, Bundle(0, 12, 14, [record(13)]))
    assert read(buffer, 6, count=2) == [9, 11]
    assert read(buffer, 6, count=2) == [9, 11]
    assert read(buffer, 12) == [13]
    assert buffer.waits(PART, 13) and not buffer.waits(PART, 14)
    assert buffer.end(PART) == 14


def test_records_that_never_came_are_a_bug_and_not_a_hole() -> None:
    """A bundle that begins behind the end of the last one: between them something was fetched and lost."""
    buffer, _ = delivery()
    buffer.put(PART, Bundle(0, 0, 10, [record(3)]))
    buffer.put(PART, Bundle(0, 10, 20, [record(15)]))
    with pytest.raises(DeliveryGap, match="from offset 20 to 21"):
        buffer.put(PART, Bundle(0, 21, 30, [record(25)]))
    buffer.next_generation()
    buffer.begin(PART, 20)
    with pytest.raises(DeliveryGap, match="from offset 20 to 25"):
        buffer.put(PART, Bundle(1, 25, 30, [record(25)]))


def test_a_new_generation_begins_with_nothing_and_lets_nothing_old_in() -> None:
    """What was fetched before the partitions were dealt out anew may have gaps now."""
    buffer, _ = delivery()
    buffer.put(PART, Bundle(0, 0, 10, [record(3)]))
    buffer.next_generation()
    assert read(buffer, 0) == []
    buffer.put(PART, Bundle(0, 10, 20, [record(15)]))
    assert read(buffer, 0) == []
    buffer.put(PART, Bundle(1, 0, 4, [record(3)]))
    assert read(buffer, 0) == [3]


def test_a_full_buffer_pauses_its_partition_until_half_is_read() -> None:
    """So that memory is bounded though the consumer is faster than the work."""
    buffer, said = delivery(most_bytes=3000)
    buffer.put(PART, Bundle(0, 0, 2, [record(0, 1000), record(1, 1000)]))
    assert said == []
    buffer.put(PART, Bundle(0, 2, 4, [record(2, 1000), record(3, 1000)]))
    assert said == ["pause"]
    read(buffer, 1)
    assert said == ["pause"]
    read(buffer, 3)
    assert said == ["pause", "resume"]
