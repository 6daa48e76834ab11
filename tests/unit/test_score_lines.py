"""Lines from a descriptor: none lost, none waited for, none too long; and how one line of output is made."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.scoring.lines import Line, LineReader
from pipelines.scoring.output_line import answered_line, error_line
from schemas.refused import Refused

MOST_BYTES = 100


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for descriptor in (reading, writing):
        with suppress(OSError):
            os.close(descriptor)


def read_all(data: bytes, most_lines: int, most_bytes: int = MOST_BYTES) -> list[list[Line]]:
    """Write everything to a pipe from a thread, and read it as batches."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as file:
            file.write(data)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        return list(LineReader(reading, most_bytes).batches(most_lines))
    finally:
        thread.join()
        os.close(reading)


@given(
    st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line), max_size=20),
    st.booleans(),
    st.integers(1, 7),
)
def test_lines_come_whole_numbered_and_in_order(parts: list[bytes], ended: bool, most_lines: int) -> None:
    data = b"\n".join(parts) + (b"\n" if ended and parts else b"")
    expected = data.split(b"\n")
    if not expected[-1]:
        expected.pop()
    batches = read_all(data, most_lines)
    found = [line for batch in batches for line in batch]
    assert [line.data for line in found] == expected
    assert [line.number for line in found] == list(range(1, len(expected) + 1))
    assert all(0 < len(batch) <= most_lines for batch in batches)


def test_a_line_without_end_costs_no_memory() -> None:
    """Of a long line a part is kept, with how long it was; the lines around it are whole."""
    data = b"before\n" + b"x" * 1_000_000 + b"\nbehind\n"
    (before, long, behind) = (line for batch in read_all(data, 10) for line in batch)
    assert (before.data, behind.data) == (b"before", b"behind")
    assert (len(long.data), long.size, behind.number) == (MOST_BYTES, 1_000_000, 3)


def test_what_is_there_is_not_waited_on(pipe: tuple[int, int]) -> None:
    """A batch comes as soon as nothing more is there, though the writer goes on later."""
    reading, writing = pipe
    batches = LineReader(reading, MOST_BYTES).batches(100)
    os.write(writing, b"one\ntwo\nthr")
    assert [line.data for line in next(batches)] == [b"one", b"two"]
    os.write(writing, b"ee\n")
    assert [line.data for line in next(batches)] == [b"three"]
    os.close(writing)
    assert list(batches) == []


def test_large_lines_make_small_batches() -> None:
    lines = [b"x" * 1_000_000] * 12
    batches = read_all(b"\n".join(lines), 1000, most_bytes=1 << 20)
    assert sum(map(len, batches)) == 12
    assert max(map(len, batches)) < 12


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"text": "hi"}, {"text": "hi", "topic": 1}),
        ({"topic": 7, "text": "hi"}, {"text": "hi", "input": {"topic": 7}, "topic": 1}),
        ({"input": 5, "text": "hi"}, {"input": 5, "text": "hi", "topic": 1}),
        ({"input": 5, "topic": 7}, {"input": {"input": 5, "topic": 7}, "topic": 1}),
        ({"error": "own"}, {"input": {"error": "own"}, "topic": 1}),
    ],
)
def test_own_fields_make_room_for_answers(event: dict[str, object], expected: dict[str, object]) -> None:
    """Keys and their order: the event's own, then what moved, then the answers."""
    line = answered_line(event, ["topic"], [1])
    assert line.endswith(b"}\n")
    assert list(orjson.loads(line).items()) == list(expected.items())


def test_an_error_stands_beside_what_could_be_read() -> None:
    refused = Refused("schema", "SCHEMA", "expected a text in text, got a number")
    assert orjson.loads(error_line({"text": 5, "error": "own"}, refused, 9)) == {
        "text": 5,
        "input": {"error": "own"},
        "error": {"reason": "schema", "message": "expected a text in text, got a number", "line": 9},
    }
