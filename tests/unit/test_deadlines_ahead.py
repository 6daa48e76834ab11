"""Deadlines lie ahead: then cuts change nothing; where one does not, the job stops instead of choosing an order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.broker import StateRow
from operators.operator import CAUSE
from pipelines.engines.state_rows import BrokenContract, StateRows
from pipelines.engines.step import run_step
from pipelines.pipeline import Pipeline
from schemas.device_logs import DEVICE_LOGS
from tests.jobs.counting import SILENT, ReportSilence
from tests.registered_operators import LATENESS_US, row_batch

SECOND_US = 1_000_000
Row = dict[str, object]


@dataclass(frozen=True)
class Remind(ReportSilence):
    """Emits `reminded` so many seconds after a row's time as its message says, with no look at what time it is.

    `ahead`: a reminder that would be due already is put off until the next microsecond, as the contract asks.
    """

    name: str = "remind"
    ahead: bool = False
    state_schema: pa.Schema = field(default_factory=lambda: pa.schema([ReportSilence().state_schema.field("deadline")]))

    def process(self, states: pa.RecordBatch, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        keys = batch.column("device_id").to_pylist()
        memory = dict(zip(dict.fromkeys(keys), _microseconds(states, "deadline"), strict=True))
        out = []
        rows = zip(
            keys,
            _microseconds(batch, "event_time"),
            _microseconds(batch, "watermark"),
            batch.column("message").to_pylist(),
            strict=True,
        )
        for key, at, now, message in rows:
            assert at is not None
            deadline = memory[key]
            if deadline is not None and now is not None and deadline <= now:
                out.append(self._row(key, deadline, "reminded", None, deadline))
            deadline = at + int(message) * SECOND_US
            memory[key] = max(deadline, now + 1) if self.ahead and now is not None else deadline
        return self._memory(list(memory.values())), self._rows(out)

    def fire(self, keys: pa.Array, states: pa.RecordBatch, watermark_us: int) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        out = [
            self._row(key, deadline, "reminded", None, deadline)
            for key, deadline in zip(keys.to_pylist(), _microseconds(states, "deadline"), strict=True)
            if deadline is not None
        ]
        return self._memory([None] * len(keys)), self._rows(out)

    def _memory(self, deadlines: Sequence[int | None]) -> pa.RecordBatch:
        column = pa.array(deadlines, pa.int64()).cast(self.state_schema.field("deadline").type)
        return pa.RecordBatch.from_arrays([column], schema=self.state_schema)


@dataclass(frozen=True)
class RemindAgain(Remind):
    """Sets the next deadline at the one that fired, for ever."""

    name: str = "remind_again"

    def fire(self, keys: pa.Array, states: pa.RecordBatch, watermark_us: int) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        return states, super().fire(keys, states, watermark_us)[1]


def _microseconds(batch: pa.RecordBatch, column: str) -> list[int | None]:
    found: list[int | None] = batch.column(column).cast(pa.int64()).to_pylist()
    return found


def run(operator: Remind, batch: pa.RecordBatch, cuts: Sequence[int]) -> list[Row]:
    """Run rows cut at these places, memory stored in between, and everything at the end that will ever be due."""
    pipeline = Pipeline("reminders", [DEVICE_LOGS], [operator], [SILENT])
    store: dict[str, StateRow] = {}
    times = _microseconds(batch, "event_time")
    out: list[Row] = []
    for start, end in pairwise([0, *cuts, batch.num_rows, batch.num_rows]):
        highest = max((at for at in times[:end] if at is not None), default=None)
        watermark_us = None if highest is None else highest - LATENESS_US
        if start == batch.num_rows and highest is not None:
            watermark_us = highest + 1_000 * SECOND_US
        states = StateRows(pipeline.keyed, lambda keys: [store[key].value if key in store else None for key in keys])
        states.fetch(
            [k for k, row in store.items() if watermark_us is not None and (row.deadline_us or 0) <= watermark_us]
        )
        for part in run_step(pipeline, DEVICE_LOGS, batch.slice(start, end - start), states, watermark_us).outputs:
            out += part.drop_columns([field.name for field in CAUSE]).to_pylist()
        for row in states.changes():
            store.pop(row.key, None)
            if row.value is not None:
                store[row.key] = row
    return out


@st.composite
def days(draw: st.DrawFn) -> tuple[pa.RecordBatch, list[int]]:
    """Rows of a few devices, out of order, some late, with deadlines before and behind them; and where to cut."""
    drawn = draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(0, 90), st.integers(-40, 60)), min_size=1, max_size=10)
    )
    rows = [
        {"device_id": f"d{device}", "event_time": f"2026-03-01T08:{at // 60:02d}:{at % 60:02d}Z", "message": str(after)}
        for device, at, after in drawn
    ]
    cuts = draw(st.lists(st.integers(0, len(rows)), unique=True, max_size=4))
    return row_batch(DEVICE_LOGS, rows), sorted(cuts)


@given(days())
def test_deadlines_ahead_fire_alike_wherever_rows_are_cut(day: tuple[pa.RecordBatch, list[int]]) -> None:
    batch, cuts = day
    operator = Remind(ahead=True)
    assert run(operator, batch, cuts) == run(operator, batch, [])
    assert run(operator, batch, range(1, batch.num_rows)) == run(operator, batch, [])


@given(days())
def test_row_by_row_the_first_deadline_that_has_passed_stops_the_job(day: tuple[pa.RecordBatch, list[int]]) -> None:
    batch, cuts = day
    passed = [
        now is not None and at is not None and at + int(message) * SECOND_US <= now
        for at, now, message in zip(
            _microseconds(batch, "event_time"),
            _microseconds(batch, "watermark"),
            batch.column("message").to_pylist(),
            strict=True,
        )
    ]
    operator = Remind()
    if not any(passed):
        assert run(operator, batch, cuts) == run(operator, batch, range(1, batch.num_rows))
        return
    with pytest.raises(BrokenContract, match=r"remind: expected a deadline above the watermark .* for key 'd"):
        run(operator, batch, range(1, batch.num_rows))
    # However rows are cut: what stands in memory behind a step is never a deadline that has passed.
    first = passed.index(True)
    with pytest.raises(BrokenContract):
        run(operator, batch.slice(0, first + 1), [cut for cut in cuts if cut <= first])


def test_firing_leaves_no_deadline_that_has_passed() -> None:
    batch = row_batch(DEVICE_LOGS, [{"device_id": "d1", "event_time": "2026-03-01T08:00:00Z", "message": "5"}])
    with pytest.raises(BrokenContract, match=r"remind_again: expected .* up to which it was to fire"):
        run(replace(RemindAgain(), ahead=True), batch, [])
