"""A stream's memory in this process answers as the broker's does; its log gives it back; elements survive as bytes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.broker import Commit, Offset, StateRow, Stream, TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.engines.kept_memory import KeptMemory
from pipelines.engines.stream_memory import StreamMemory, offsets_of, position_of
from schemas.device_logs import DEVICE_LOGS

PART = TopicPartition("device.logs", 3)
STREAM = Stream((PART,))
KEYS = "abcdef"
times = st.none() | st.integers(0, 20)
rows = st.builds(StateRow, st.sampled_from(KEYS), st.none() | st.binary(max_size=3), times, times)
Steps = list[tuple[list[StateRow], int | None]]
steps = st.lists(st.tuples(st.lists(rows, max_size=4, unique_by=lambda row: row.key), times), max_size=12)


@given(steps)
@settings(max_examples=60, deadline=None)
def test_it_answers_as_the_broker_does(tmp_path_factory: pytest.TempPathFactory, steps: Steps) -> None:
    path = tmp_path_factory.mktemp("memory") / "hubbub.db"
    with SqliteBroker(path, durability="off") as broker:
        broker.create_topics([DEVICE_LOGS])
        kept = broker.join("g", None, [STREAM])
        kept.owned()
        memory = StreamMemory(STREAM)
        for number, (changed, watermark_us) in enumerate(steps):
            for one in (kept, memory):
                if watermark_us is not None:
                    one.forget_expired(STREAM, watermark_us)
                one.commit(Commit(STREAM, {PART: Offset(number)}, (), changed))
            for at in (5, 20):
                assert memory.due(STREAM, at) == kept.due(STREAM, at)
            assert memory.next_deadline(STREAM) == kept.next_deadline(STREAM)
            assert memory.memory(STREAM) == kept.memory(STREAM)
            assert memory.states(STREAM, list(KEYS)) == kept.states(STREAM, list(KEYS))
            assert memory.offset(PART) == kept.offset(PART)
            assert [one.states for one in memory.taken()] == [changed]
        # What it says has changed, told to another, makes it the same.
        other = StreamMemory(STREAM)
        other.load(memory.changes())
        assert other.all_rows() == memory.all_rows()


@given(steps, st.integers())
@settings(max_examples=60, deadline=None)
def test_its_log_gives_it_back_in_any_order(steps: Steps, seed: int) -> None:
    memory = StreamMemory(STREAM, {PART: Offset(7, "note")})
    kept = KeptMemory(position_of(memory.offsets))
    entries = [kept.begin([])]
    for changed, _ in steps:
        memory.commit(Commit(STREAM, {}, (), changed))
        entries.append(kept.changed(changed))
    random.Random(seed).shuffle(entries)
    again = KeptMemory.read(kept.to_bytes())
    assert again is not None
    restored = again.restore(STREAM, entries)
    assert restored.all_rows() == memory.all_rows()
    assert restored.offsets == memory.offsets
    assert restored.next_deadline(STREAM) == memory.next_deadline(STREAM)


def test_a_long_log_is_written_anew() -> None:
    kept = KeptMemory(())
    kept.begin([StateRow("a", b"x" * 1000)])
    entries = 0
    while not kept.is_long:
        kept.changed([StateRow("a", b"x" * 1000)])
        entries += 1
    assert 100 < entries < 300  # three times 64 KB
    kept.begin([StateRow("a", b"x" * 1000)])
    assert not kept.is_long


def test_a_position_gives_its_offsets() -> None:
    other = TopicPartition("customer.messages", 3)
    kept = KeptMemory(position_of({PART: Offset(5, "n"), other: Offset(2)}))
    assert offsets_of(kept.position) == {PART: Offset(5, "n"), other: Offset(2)}


def test_nothing_there_is_no_head_and_a_newer_one_is_refused() -> None:
    assert KeptMemory.read(None) is None
    data = bytearray(KeptMemory(()).to_bytes())
    data[1] = 2  # the version
    with pytest.raises(ValueError, match="expected memory of version 1, got 2"):
        KeptMemory.read(bytes(data))
