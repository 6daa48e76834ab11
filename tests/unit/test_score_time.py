"""Time of a stream of lines: times without a zone, lines without a time, watermarks wherever the stream is cut."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from infra.broker import StateRow
from pipelines.bad_input import BadInput
from pipelines.engines.partition_reader import NEVER
from pipelines.scoring.memory import Memory
from pipelines.scoring.stream_time import StreamTime, WrongTime, microseconds_of

SECOND = 1_000_000
TIMES = [None, 50 * SECOND, None, 20 * SECOND, 60 * SECOND, 49 * SECOND]


def numbers(columns: tuple[pa.Array, ...]) -> list[list[object]]:
    """Return each row's event time and watermark in whole seconds, and whether it is late."""
    times, watermarks, late = columns
    seconds = [
        [None if value is None else value // SECOND for value in column.cast(pa.int64()).to_pylist()]
        for column in (times, watermarks)
    ]
    return [list(row) for row in zip(*seconds, late.to_pylist(), strict=True)]


def test_a_line_without_time_follows_the_one_before() -> None:
    """The watermark is the newest time before a row, less ten seconds; an old row is late and moves nothing."""
    assert numbers(StreamTime().columns(TIMES)) == [
        [0, None, False],
        [50, -10, False],
        [51, 40, False],
        [20, 41, True],
        [60, 41, False],
        [49, 50, True],
    ]


@pytest.mark.parametrize("cut", range(len(TIMES) + 1))
def test_time_does_not_depend_on_where_the_stream_is_cut(cut: int) -> None:
    stream = StreamTime()
    parts = numbers(stream.columns(TIMES[:cut])) + numbers(stream.columns(TIMES[cut:]))
    assert parts == numbers(StreamTime().columns(TIMES))


@pytest.mark.parametrize("value", ["2026-03-01T08:30:00Z", "2026-03-01 08:30:00", "2026-03-01T10:30:00+02:00"])
def test_a_time_without_a_zone_is_utc(value: str) -> None:
    assert microseconds_of(value) == 1_772_353_800 * SECOND


@pytest.mark.parametrize("value", [5, "yesterday", "", True, {}])
def test_what_is_no_time_is_said(value: object) -> None:
    with pytest.raises(WrongTime, match="expected event_time to be a time"):
        microseconds_of(value)


def test_memory_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "state"
    memory = Memory.loaded("logs", path)  # there is none yet
    memory.apply([StateRow("d1", b"one", None, 100), StateRow("", b"two"), StateRow("d3", b"three")])
    memory.apply([StateRow("d3", None)])
    memory.save(path, 7)
    again = Memory.loaded("logs", path)
    assert again.load(["d1", "", "d3"]) == [b"one", b"two", None]
    assert again.high_us == 7
    assert [one.name for one in tmp_path.iterdir()] == ["state"]
    again.forget(100)
    assert again.load(["d1", ""]) == [None, b"two"]


def test_memory_of_another_task_or_of_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state"
    Memory("logs").save(path, NEVER)
    with pytest.raises(BadInput, match=r"of the task telemetry, got .* of logs"):
        Memory.loaded("telemetry", path)
    path.write_bytes(b"something else")
    with pytest.raises(BadInput, match="expected a file that"):
        Memory.loaded("logs", path)
