"""Memory held in the process answers as a plain dict would; the changelog and the snapshot give it back whole."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.broker import Attempt, BrokerMismatch, StateRow
from infra.kafka.batch_writing import Content
from infra.state_changelog import PIECE_BYTES, ChangelogReader, attempt_record, memory_records
from infra.state_memory import StateMemory
from infra.state_snapshot import MOST_AGE_S, Head, SavedRow, attempts_of, read_snapshot, write_snapshot
from schemas.record import Record

times = st.none() | st.integers(0, 20)
rows = st.builds(StateRow, st.sampled_from("abcde"), st.none() | st.binary(max_size=3), times, times)


@given(st.lists(rows, max_size=60), st.integers(-1, 21))
def test_memory_answers_as_a_dict_would(changes: list[StateRow], at_us: int) -> None:
    memory = StateMemory()
    plain: dict[str, StateRow] = {}
    for number, row in enumerate(changes):
        memory.put(row)
        plain.pop(row.key, None)
        if row.value is not None:
            plain[row.key] = row
        if number % 7:
            continue
        due = [one for one in plain.values() if one.deadline_us is not None and one.deadline_us <= at_us]
        assert memory.due(at_us) == sorted(due, key=lambda one: (one.deadline_us, one.key))
        expired = {one.key for one in plain.values() if one.expires_us is not None and one.expires_us <= at_us}
        assert {one.key for one in memory.expired(at_us)} == expired
        deadlines = [one.deadline_us for one in plain.values() if one.deadline_us is not None]
        assert memory.next_deadline() == min(deadlines, default=None)
        assert memory.values(list("abcdef")) == [plain[k].value if k in plain else None for k in "abcdef"]


def test_times_that_count_no_more_do_not_pile_up() -> None:
    memory = StateMemory()
    for number in range(50_000):
        memory.put(StateRow("a", b"", number, number))
    assert len(memory._deadlines._heap) < 2000
    assert memory.next_deadline() == 49_999


def restored(records: list[Content]) -> dict[tuple[str, str], StateRow]:
    reader = ChangelogReader()
    found: dict[tuple[str, str], StateRow] = {}

    def everything() -> Iterator[tuple[str, StateRow, int]]:
        yield from reader.take([Record(n, 0, key, value) for n, (key, value, _) in enumerate(records)])
        yield from reader.large()

    for stream, row, pieces in everything():
        found.pop((stream, row.key), None)
        if row.value is not None:
            assert pieces >= 1
            found[stream, row.key] = row
    return found


sizes = st.sampled_from([0, 1, 20_000, PIECE_BYTES, PIECE_BYTES + 1])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.none() | sizes, times, times), max_size=6), st.booleans())
def test_the_changelog_gives_memory_back(
    changes: list[tuple[str, int | None, int | None, int | None]], compacted: bool
) -> None:
    source = random.Random(5)
    log: list[Content] = []
    expected: dict[tuple[str, str], StateRow] = {}
    pieces: dict[str, int] = {}
    for key, size, deadline, expires in changes:
        row = StateRow(key, None if size is None else source.randbytes(size), deadline, expires)
        records = memory_records("s/1", row, pieces.get(key, 0))
        pieces[key] = sum(value is not None for _, value, _ in records)
        assert all(len(value or b"") < PIECE_BYTES + 100 for _, value, _ in records)
        log += records
        expected.pop(("s/1", key), None)
        if row.value is not None:
            expected["s/1", key] = row
    if compacted:  # the last record of each key, in the order of those; tombstones may be gone, too
        last = {key: number for number, (key, _, _) in enumerate(log)}
        log = [log[number] for number in sorted(last.values()) if log[number][1] is not None]
    assert restored(log) == expected


def test_a_row_with_a_piece_missing_is_refused() -> None:
    records = memory_records("s/1", StateRow("a", os.urandom(3 * PIECE_BYTES)), 0)
    with pytest.raises(BrokerMismatch, match="of 4 pieces of key 'a'"):
        restored(records[:1] + records[2:])


def test_what_hubbub_did_not_write_is_refused() -> None:
    with pytest.raises(BrokerMismatch, match="offset 0 that hubbub did not write"):
        restored([(b"foreign", b"", ())])
    key, _, _ = memory_records("s/1", StateRow("a", b"v"), 0)[0]
    with pytest.raises(BrokerMismatch, match="offset 0 that this hubbub does not know"):
        restored([(key, b"\x91\x02", ())])


def test_attempts_lie_beside_memory() -> None:
    reader = ChangelogReader()
    log = [attempt_record("s/1", "m1", Attempt(5, 9, 2)), attempt_record("s/1", "m2", Attempt(5, 6, 1))]
    log.append(attempt_record("s/1", "m2", None))
    assert list(reader.take([Record(n, 0, key, value) for n, (key, value, _) in enumerate(log)])) == []
    assert reader.attempts == {("s/1", "m1"): Attempt(5, 9, 2)}


HEAD = Head("topic-id", 3, 1234, 1_000_000.0, [("s/3", "m1", 5, 9, 2)])
SAVED = [SavedRow("s/3", f"key {i}", b"\x00\xff" * (i % 50), i, None if i % 3 else i, 1) for i in range(2500)]


def read(path: Path, now_s: float = 1_000_001.0) -> tuple[Head, list[SavedRow]] | None:
    found = read_snapshot(path, changelog="topic-id", number=3, now_s=now_s)
    return None if found is None else (found[0], list(found[1]))


def test_a_snapshot_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "state" / "3.snapshot"
    write_snapshot(path, HEAD, SAVED)
    assert read(path) == (HEAD, SAVED)
    assert attempts_of(HEAD) == {("s/3", "m1"): Attempt(5, 9, 2)}
    write_snapshot(path, HEAD, [])
    assert read(path) == (HEAD, [])
    assert read(tmp_path / "none") is None


def test_a_snapshot_of_something_else_or_of_long_ago_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "3.snapshot"
    write_snapshot(path, HEAD, SAVED)
    assert read(path, HEAD.written_at_s + MOST_AGE_S - 1) is not None
    assert read(path, HEAD.written_at_s + MOST_AGE_S + 1) is None
    assert read(path, HEAD.written_at_s - 1) is None  # a clock that went back
    for other in (Head("another", 3, 1, 1_000_000.0), Head("topic-id", 4, 1, 1_000_000.0)):
        write_snapshot(path, other, [])
        assert read(path) is None


def test_no_damaged_snapshot_is_ever_used(tmp_path: Path) -> None:
    """Flip a bit at each of 400 random places and at all of both ends, cut it at 200 places: every one is noticed."""
    seed = int(os.environ.get("HUBBUB_TEST_SEED", str(time.time_ns() % 1_000_000)))
    print(f"seed {seed}")
    source = random.Random(seed)
    path = tmp_path / "3.snapshot"
    write_snapshot(path, HEAD, SAVED[:300])
    whole = path.read_bytes()
    places = {*range(80), *range(len(whole) - 80, len(whole)), *(source.randrange(len(whole)) for _ in range(400))}
    for at in places:
        flipped = bytearray(whole)
        flipped[at] ^= 1 << source.randrange(8)
        path.write_bytes(flipped)
        assert read(path) is None, f"a bit at {at} of {len(whole)} was flipped, and nobody noticed"
    for size in {0, len(whole) - 1, *(source.randrange(len(whole)) for _ in range(200))}:
        path.write_bytes(whole[:size])
        assert read(path) is None, f"cut to {size} of {len(whole)} bytes, and nobody noticed"
    path.write_bytes(whole + b"\x00")
    assert read(path) is None
    path.write_bytes(whole)
    assert read(path) is not None
