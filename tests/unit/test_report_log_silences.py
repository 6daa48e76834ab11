"""Regular kinds of lines that stay away: told by event time alone, once, and told again when they are back."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.line_rhythm import FEWEST_GAPS, LONGEST_PATIENCE_US, SECOND_US, SHORTEST_PATIENCE_US, Rhythm
from operators.report_log_silences import FORGOTTEN_AFTER_US, MOST_KINDS, ReportLogSilences
from schemas.answers import DEVICE_LOGS_ENRICHED, INPUT
from schemas.topic import TIMESTAMP
from tests.registered_operators import row_batch
from tests.silence_rows import SILENCES, enriched_line, heartbeats

REPORT = ReportLogSilences()
NOON = 1_790_000_000_000_000
MINUTE = 60 * SECOND_US
_HUBBUB = pa.struct([("template", pa.string()), ("template_id", pa.string()), ("input", INPUT)])


def label_of(row: dict[str, Any]) -> str:
    return str(row["hubbub"]["silence"]["label"])


def said(batch: pa.RecordBatch, cuts: list[int] | None = None) -> list[dict[str, Any]]:
    """What comes out of rows in batches, deadlines fired by the last row's watermark behind each, in order."""
    out: list[tuple[Any, ...]] = []
    states = {key: dict.fromkeys(REPORT.state_schema.names) for key in batch.column("device_id").unique().to_pylist()}
    bounds = [0, *sorted(cuts or []), batch.num_rows]
    for start, end in pairwise(bounds):
        part = batch.slice(start, end - start)
        keys = part.column("device_id").unique().to_pylist()
        after, made = REPORT.process(
            pa.RecordBatch.from_pylist([states[key] for key in keys], schema=REPORT.state_schema), part
        )
        states |= zip(keys, after.to_pylist(), strict=True)
        rows = made.to_pylist()
        if end > start and (watermark := part.column("watermark").cast(pa.int64())[-1].as_py()) is not None:
            due = [
                key
                for key, state in states.items()
                if state["deadline"] is not None and pa.scalar(state["deadline"], TIMESTAMP).value <= watermark
            ]
            after, made = REPORT.fire(
                pa.array(due, pa.string()),
                pa.RecordBatch.from_pylist([states[key] for key in due], schema=REPORT.state_schema),
                watermark,
            )
            states |= zip(due, after.to_pylist(), strict=True)
            rows += made.to_pylist()
        for row in rows:
            row["_row"] = None if row["_row"] is None else row["_row"] + start
            out.append((row["event_time"], row["device_id"], row["template_id"], label_of(row), row))
    return [row for *_, row in sorted(out, key=lambda one: one[:4])]


def rows(*drawn: tuple[str, int, str | None], marks: list[int | None] | None = None) -> pa.RecordBatch:
    """Rows of (device, microseconds after noon, kind of line); the watermark is the highest time before."""
    devices, times, kinds = zip(*drawn, strict=True) if drawn else ((), (), ())
    highs: list[int | None] = [None]
    for time in times:
        highs.append(max(time + NOON, highs[-1] if highs[-1] is not None else time + NOON))
    columns = {
        "device_id": pa.array(devices, pa.string()),
        "event_time": pa.array([time + NOON for time in times], pa.int64()).cast(TIMESTAMP),
        "watermark": pa.array(highs[: len(drawn)] if marks is None else marks, pa.int64()).cast(TIMESTAMP),
        "hubbub": pa.array([{"template": kind, "template_id": kind} for kind in kinds], _HUBBUB),
    }
    return pa.RecordBatch.from_pydict(columns)


def test_a_regular_line_that_stays_away_is_told_and_told_again_when_it_is_back() -> None:
    silent, back = said(row_batch(DEVICE_LOGS_ENRICHED, SILENCES))
    assert (silent["device_id"], label_of(silent), silent["template"]) == ("d0", "silent", "heartbeat sent")
    assert str(silent["last_seen"])[11:19] == "08:14:00"
    assert str(silent["event_time"])[11:19] == "08:19:00", (
        "three minutes are three gaps; five are the shortest patience"
    )
    assert silent["usual_s"] == pytest.approx(60.0, abs=0.5)
    assert silent["_row"] is None and silent["_deadline"] == silent["event_time"]
    assert (label_of(back), str(back["event_time"])[11:19], back["_row"]) == ("back", "08:40:00", 19)
    assert silent["hubbub"]["input"]["event_id"] == "ed0840" and back["hubbub"]["input"]["event_id"] == "ed02400"
    assert back["last_seen"] == silent["last_seen"]


def test_what_is_not_regular_may_stay_away() -> None:
    far = enriched_line("d1", 20_000, "door opened")
    farther = enriched_line("d1", 20_100, "door opened")
    few = heartbeats("d0", range(FEWEST_GAPS))
    assert said(row_batch(DEVICE_LOGS_ENRICHED, [*few, far, farther])) == []
    wild = heartbeats("d0", [i * i for i in range(20)])
    assert said(row_batch(DEVICE_LOGS_ENRICHED, [*wild, far | {"event_time": "2026-03-05T08:00:00Z"}, farther])) == []


def test_a_silence_is_told_once() -> None:
    later = [enriched_line("d1", second, "door opened") for second in range(1_000, 9_000, 500)]
    assert [label_of(one) for one in said(row_batch(DEVICE_LOGS_ENRICHED, [*heartbeats("d0", range(15)), *later]))] == [
        "silent"
    ]


def test_a_week_is_the_longest_gap_and_three_the_longest_patience() -> None:
    rhythm = Rhythm("a", None, 0)
    for i in range(1, 30):
        rhythm.hear(i * 7 * 86_400 * SECOND_US)
    assert rhythm.overdue_at == rhythm.last + LONGEST_PATIENCE_US
    assert LONGEST_PATIENCE_US < FORGOTTEN_AFTER_US
    swift = Rhythm("a", None, 0)
    for i in range(1, 30):
        swift.hear(i)
    assert swift.overdue_at == 29 + SHORTEST_PATIENCE_US


def test_a_device_with_more_kinds_of_line_than_are_remembered_keeps_its_regular_ones() -> None:
    drawn = [("d0", i * MINUTE, "heartbeat") for i in range(20)]
    drawn += [("d0", 20 * MINUTE + i, f"odd {i}") for i in range(3 * MOST_KINDS)]
    drawn += [("d1", 60 * MINUTE, "x"), ("d1", 61 * MINUTE, "x")]
    assert [one["template_id"] for one in said(rows(*drawn))] == ["heartbeat"]


KINDS = st.sampled_from(["heartbeat", "heartbeat", "fan", None])
TIMES = st.one_of(st.integers(0, 60), st.sampled_from([-5, 90, 2_000, 100_000])).map(lambda minutes: minutes * MINUTE)


@settings(max_examples=60, deadline=None)
@given(
    others=st.lists(st.tuples(st.sampled_from("ab"), TIMES, KINDS), max_size=20),
    beats=st.integers(10, 25),
    cuts=st.lists(st.integers(0, 45), max_size=5),
)
def test_cuts_saves_and_restores_change_nothing(
    others: list[tuple[str, int, str | None]], beats: int, cuts: list[int]
) -> None:
    drawn = [("a", i * MINUTE, "heartbeat") for i in range(beats)] + others
    batch = rows(*drawn)
    straight = said(batch)
    assert said(batch, [cut for cut in cuts if cut <= len(drawn)]) == straight
    assert said(batch, list(range(1, len(drawn)))) == straight
