"""One step of work: some rows of one topic through the operators of a pipeline. Engines differ only around it.

Nothing here reads a clock or writes anywhere: a step is a function of rows and memory, and where rows are cut into
steps changes nothing that comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.failpoints import failpoint
from operators.operator import KeyedOperator, Operator
from operators.row_errors import RowError, failed_rows
from pipelines.engines.deadlines import check_after_firing, check_after_rows
from pipelines.engines.sequence import Feed, with_sequence
from pipelines.engines.state_rows import BrokenContract, StateRows
from pipelines.pipeline import Pipeline
from schemas.identity import deadline_id, output_id, output_ids
from schemas.microseconds import microseconds
from schemas.topic import Topic

# Given an operator's name, what is entered while it works: for who measures it.
Timed: TypeAlias = Callable[[str], AbstractContextManager[object]]
# Of finished rows: the id of the input event that caused them, null where a deadline did.
CAUSE_ID: Final = "_cause"


@dataclass(slots=True)
class StepResult:
    """What a step made: output rows in order, and the input rows that failed, by index in the step's batch."""

    outputs: list[pa.RecordBatch] = field(default_factory=list)
    failures: dict[int, RowError] = field(default_factory=dict)


def run_step(
    pipeline: Pipeline,
    source: Topic,
    batch: pa.RecordBatch,
    states: StateRows,
    watermark_us: int | None,
    feed: Feed | None = None,
    timed: Timed = nullcontext,
) -> StepResult:
    """Run `batch` (rows of `source`, with `row_schema`) through the pipeline, then fire what is due.

    `watermark_us` is the watermark behind the batch; deadlines up to it are fired, of the keys whose memory is in
    `states` (the engine puts the due ones there). `states` is changed; on an exception it must be thrown away. With a
    `feed` the rows have a column `_offset`, and the outputs say which place they have in its order. `timed` is entered
    around each operator's work.
    """
    result = StepResult()
    index = np.arange(batch.num_rows)
    emitted: list[pa.RecordBatch] = []
    times = _watermarks(batch)
    keyed = pipeline.keyed
    if keyed and batch.num_rows:
        states.fetch(batch.column(keyed[0].key).to_pylist())
    with_memory = {operator.name: operator for operator in keyed}
    inputs = batch
    for operator in pipeline.operators:
        inputs = batch
        try:
            with timed(operator.name):
                if (remembering := with_memory.get(operator.name)) is not None:
                    batch, fired = _run_keyed(remembering, batch, states, watermark_us)
                    emitted += fired
                else:
                    batch = cast(Operator, operator).process(batch)
        except Exception as error:
            error.add_note(f"operator {operator.name}")
            raise
        if operator.name == pipeline.operators[-1].name and pipeline.emits:
            break
        failures = failed_rows(batch)
        if failures:
            result.failures.update({int(index[row]): error for row, error in failures.items()})
            kept = np.ones(batch.num_rows, dtype=bool)
            kept[list(failures)] = False
            batch, index, times = batch.filter(pa.array(kept)), index[kept], times[kept]
        if "_error" in batch.schema.names:
            batch = batch.drop_columns(["_error"])
    failpoint("after_infer")
    if pipeline.emits:
        operator = pipeline.keyed[-1]
        rows = _ordered(operator, times, [batch, *emitted])
        if rows.num_rows:
            named = _name_emitted(pipeline, operator, source, inputs, rows)
            result.outputs.append(named if feed is None else with_sequence(named, feed.emitted(inputs, *_causes(rows))))
    elif batch.num_rows:
        named = _name_enriched(pipeline, batch)
        result.outputs.append(named if feed is None else with_sequence(named, feed.enriched(batch)))
    return result


def _run_keyed(
    operator: KeyedOperator, batch: pa.RecordBatch, states: StateRows, watermark_us: int | None
) -> tuple[pa.RecordBatch, list[pa.RecordBatch]]:
    """Run one operator with memory, then fire what is due behind the batch; return its output and what was fired."""
    keys = batch.column(operator.key).unique().to_pylist()
    after, made = operator.process(states.batch(operator, keys), batch)
    states.update(operator, keys, after)
    check_after_rows(operator, keys, after, batch)
    fired = []
    if watermark_us is not None and (due := states.due(operator, watermark_us)):
        after, rows = operator.fire(pa.array(due, pa.string()), states.batch(operator, due), watermark_us)
        states.update(operator, due, after)
        check_after_firing(operator, due, after, watermark_us)
        if operator.emits and rows.num_rows:
            fired.append(rows)
    return made, fired


def _watermarks(batch: pa.RecordBatch) -> np.ndarray:
    never = np.iinfo(np.int64).min
    times: np.ndarray = microseconds(batch.column("watermark"), never)
    return times


def _ordered(operator: KeyedOperator, times: np.ndarray, parts: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Sort emitted rows by (trigger, deadline before row, deadline, key); rows of one cause keep their order."""
    some = [part for part in parts if part.num_rows]
    if not some:
        return parts[0]
    rows = some[0] if len(some) == 1 else pa.concat_batches(some)
    causes = list(
        zip(
            rows.column("_row").to_pylist(),
            rows.column("_deadline").view(pa.int64()).to_pylist(),
            rows.column("_key").to_pylist(),
            strict=True,
        )
    )
    places = []
    for i, (row, deadline, key) in enumerate(causes):
        if (row is None) == (deadline is None):
            raise BrokenContract(
                f"operator {operator.name}: a row has exactly one cause, got {row=} {deadline=}; this is a bug"
            )
        if deadline is not None:
            # The trigger of a deadline is the first row whose watermark reaches it.
            places.append((int(np.searchsorted(times, deadline)), 0, deadline, key, i))
        else:
            places.append((row, 1, 0, "", i))
    order = [place[-1] for place in sorted(places)]
    return rows.take(pa.array(order, pa.int64()))


def _name_emitted(
    pipeline: Pipeline, operator: KeyedOperator, source: Topic, inputs: pa.RecordBatch, rows: pa.RecordBatch
) -> pa.RecordBatch:
    """Give emitted rows their ids, by the input row or by key and deadline, counted within one cause; and its trace.

    A row that a deadline caused has the trace that the operator says, if it says one (a column `traceparent`).
    """
    events = inputs.column("event_id").to_pylist()
    # Several sources without a merge have memories of their own, so the source tells their deadlines apart.
    timer = f"{pipeline.name}.{operator.name}.{source.name}"
    counts: dict[tuple[str | int, int | None], int] = {}
    ids, causes = [], []
    for row, deadline, key in zip(*_causes(rows), rows.column("_key").to_pylist(), strict=True):
        cause = (row, None) if deadline is None else (key, deadline)
        number = counts.get(cause, 0)
        counts[cause] = number + 1
        if deadline is None:
            ids.append(output_id(events[row], pipeline.name, operator.name, number))
            causes.append(events[row])
        else:
            ids.append(deadline_id(timer, key, deadline, number))
            causes.append(None)
    named = _with_traces(_with_ids(rows, ids), inputs)
    return named.append_column(CAUSE_ID, pa.array(causes, pa.string()))


def _with_traces(rows: pa.RecordBatch, inputs: pa.RecordBatch) -> pa.RecordBatch:
    """Give each emitted row the trace of the row that caused it; those of deadlines keep what their operator says."""
    caused = rows.column("_row")
    for name in ("traceparent", "tracestate"):
        values = inputs.column(name).take(caused)
        if name not in rows.schema.names:
            rows = rows.append_column(name, values)
        elif not caused.null_count:
            rows = rows.set_column(rows.schema.get_field_index(name), name, values)
        else:
            own = pc.if_else(caused.is_valid(), values, rows.column(name))
            rows = rows.set_column(rows.schema.get_field_index(name), name, own)
    return rows


def _causes(rows: pa.RecordBatch) -> tuple[list[Any], list[Any]]:
    """Return for each emitted row the input row that caused it, or the deadline in microseconds."""
    return rows.column("_row").to_pylist(), rows.column("_deadline").view(pa.int64()).to_pylist()


def _name_enriched(pipeline: Pipeline, batch: pa.RecordBatch) -> pa.RecordBatch:
    last = pipeline.operators[-1].name if pipeline.operators else "copy"
    causes = batch.column("event_id")
    return _with_ids(batch, output_ids(causes.to_pylist(), pipeline.name, last, 0)).append_column(CAUSE_ID, causes)


def _with_ids(batch: pa.RecordBatch, ids: Sequence[str]) -> pa.RecordBatch:
    names = batch.schema.names
    column = pa.array(ids, pa.string())
    if "event_id" in names:
        return batch.set_column(names.index("event_id"), pa.field("event_id", pa.string(), nullable=False), column)
    return batch.append_column(pa.field("event_id", pa.string(), nullable=False), column)
