"""What a Faust worker reads back from its changelog is the memory of whole steps, whoever wrote last."""

from __future__ import annotations

import random

import pytest

from infra.broker import Attempt, Offset, StateRow, Stream, TopicPartition
from pipelines.engines.faust.memory import (
    KeyValue,
    PartitionMemory,
    Place,
    StreamMemory,
    Ticks,
    attempt_record,
    step_records,
    ticks_record,
    version_of,
)
from pipelines.engines.place import Place as ReaderPlace

PART = TopicPartition("device.logs", 3)
STREAM = Stream((PART,))
LARGE = 1 << 20


def place(offset: int) -> Place:
    return Place((offset, -1), {PART: ReaderPlace(offset).to_offset()})


def restored(log: list[KeyValue]) -> StreamMemory:
    """What another worker has after it read this changelog."""
    memory = PartitionMemory()
    for key, value in log:
        memory.apply(key, value)
    found = memory.stream(STREAM.name)
    found.settle()
    return found


def values(memory: StreamMemory) -> dict[str, bytes]:
    return {key: row.value for key, row in memory.rows.items()}


@pytest.mark.parametrize("most_bytes", [LARGE, 300], ids=["one batch", "split"])
def test_memory_comes_back_as_it_was(most_bytes: int) -> None:
    """Random steps with forgotten keys; after each, what is read back is what was in memory."""
    source = random.Random(5)
    log: list[KeyValue] = []
    memory = StreamMemory()
    for step in range(1, 60):
        keys = source.sample("abcdefghij", source.randint(0, 6))
        rows = [
            StateRow(key, None if source.random() < 0.2 else f"{key}{step}".encode() * 9, step, None) for key in keys
        ]
        behind = place(step * 10)
        records, split = step_records(STREAM, memory, rows, behind, most_bytes)
        log += records
        memory.take(rows, behind, split=split)
        back = restored(log)
        assert values(back) == values(memory)
        assert back.place == memory.place
        assert back.due(step) == memory.due(step)
    assert any(len(row.value) > 0 for row in memory.rows.values())


def test_a_split_step_without_its_place_never_was() -> None:
    """Killed between the batches of one step: the memory before it holds."""
    memory = StreamMemory()
    first = [StateRow("a", b"1" * 100), StateRow("b", b"1" * 100)]
    log, split = step_records(STREAM, memory, first, place(10), LARGE)
    memory.take(first, place(10), split=split)
    second = [StateRow("a", b"2" * 100), StateRow("b", None), StateRow("c", b"2" * 100)]
    records, split = step_records(STREAM, memory, second, place(20), 300)
    assert split
    for end in range(len(records)):
        assert values(restored([*log, *records[:end]])) == {"a": b"1" * 100, "b": b"1" * 100}
    assert values(restored([*log, *records])) == {"a": b"2" * 100, "c": b"2" * 100}


def test_the_highest_step_counts_not_the_last_written() -> None:
    """A worker that was stopped wakes up and writes a step that others have done meanwhile."""
    old, _ = step_records(STREAM, StreamMemory(), [StateRow("a", b"old")], place(10), LARGE)
    new, _ = step_records(STREAM, StreamMemory(), [StateRow("a", b"new")], place(20), LARGE)
    back = restored([*new, *old])
    assert values(back) == {"a": b"new"}
    assert back.place == place(20)


def test_attempts_and_ticks_come_back_until_they_end() -> None:
    """What was begun and not ended is there for the next worker."""
    attempt, ticks = Attempt(10, 20, 2), Ticks((10, -1), {PART: (10, 77)})
    log = [attempt_record(STREAM, attempt), ticks_record(STREAM, ticks)]
    back = restored(log)
    assert (back.attempt, back.ticks) == (attempt, ticks)
    back = restored([*log, attempt_record(STREAM, None), ticks_record(STREAM, None)])
    assert (back.attempt, back.ticks) == (None, None)


def test_deadlines_are_found_in_order_and_old_ones_are_not() -> None:
    """A deadline that was moved is due only once, at its last time."""
    memory = StreamMemory()
    memory.take([StateRow("b", b"", 5), StateRow("a", b"", 5), StateRow("c", b"", 9, 50)], place(1), split=False)
    memory.take([StateRow("b", b"", 7)], place(2), split=False)
    assert memory.next_deadline() == 5
    assert [key for key, _ in memory.due(7)] == ["a", "b"]
    memory.take([StateRow("a", b"", None), StateRow("b", None)], place(3), split=False)
    assert memory.next_deadline() == 9
    assert memory.due(8) == []
    assert memory.expired(49) == [] and memory.expired(50) == ["c"]


def test_versions_grow_with_rows_ticks_and_merges() -> None:
    """What is compared when two workers wrote the same key."""
    rows = [ReaderPlace(10), ReaderPlace(10, floor_us=5), ReaderPlace(11, floor_us=5)]
    versions = [version_of({PART: one.to_offset()}) for one in rows]
    assert versions == sorted(set(versions))
    other = TopicPartition("alarms", 3)
    merged = [
        version_of({PART: ReaderPlace(at).to_offset(frontier), other: ReaderPlace(1).to_offset(frontier)})
        for at, frontier in ((5, 100), (2, 200))
    ]
    assert merged == sorted(set(merged))
    assert isinstance(rows[0].to_offset(), Offset)
