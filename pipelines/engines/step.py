"""One step of work: some rows of one topic through the operators of a pipeline. Engines differ only around it.

Nothing here reads a clock or writes anywhere: a step is a function of rows and memory, and where rows are cut into
steps changes nothing that comes out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
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
    """What a step made: output rows in order, and the input rows that failed, by index in the step's batch.

    `ends`: where the output rows of each span end.
    """

    outputs: list[pa.RecordBatch] = field(default_factory=list)
    failures: dict[int, RowError] = field(default_factory=dict)
    ends: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """The rows of one stream in a step's batch, up to `end`, from where the span before it ends.

    `watermark_us` is the watermark behind them. With a `feed` the rows have a column `_offset`, and the outputs say
    which place they have in its order.
    """

    end: int
    watermark_us: int | None
    feed: Feed | None = None


def run_step(
    pipeline: Pipeline,
    source: Topic,
    batch: pa.RecordBatch,
    states: StateRows,
    watermark_us: int | None,
    feed: Feed | None = None,
    timed: Timed = nullcontext,
) -> StepResult:
    """Run `batch`, rows of one stream, through the pipeline, then fire what is due; see `run_spans`."""
    return run_spans(pipeline, source, batch, states, [Span(batch.num_rows, watermark_us, feed)], {}, timed)


def run_spans(
    pipeline: Pipeline,
    source: Topic,
    batch: pa.RecordBatch,
    states: StateRows,
    spans: Sequence[Span],
    span_of: Mapping[str, int],
    timed: Timed = nullcontext,
) -> StepResult:
    """Run `batch` (rows of `source`, with `row_schema`) through the pipeline, then fire what is due in each span.

    Where rows are cut changes nothing, so no row's answer depends on rows of another key beside it: rows of several
    streams, whose keys are not the same, can share a batch, span behind span; `span_of` says whose a key is. Deadlines
    up to a span's watermark are fired, of those of its keys whose memory is in `states` (the engine puts the due ones
    there). `states` is changed; on an exception it must be thrown away. `timed` is entered around each operator's work.
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
                    batch, fired = _run_keyed(remembering, batch, states, spans, span_of)
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
    ends = np.searchsorted(index, [span.end for span in spans]).tolist()
    if pipeline.emits:
        operator = pipeline.keyed[-1]
        rows, result.ends = _ordered(operator, times, [batch, *emitted], ends, span_of)
        if rows.num_rows:
            named = _name_emitted(pipeline, operator, source, inputs, rows)
            result.outputs.append(_with_places(named, spans, result.ends, inputs, _causes(rows)))
    else:
        result.ends = ends
        if batch.num_rows:
            result.outputs.append(_with_places(_name_enriched(pipeline, batch), spans, ends, batch))
    return result


def _with_places(
    named: pa.RecordBatch,
    spans: Sequence[Span],
    ends: Sequence[int],
    inputs: pa.RecordBatch,
    causes: tuple[list[Any], list[Any]] | None = None,
) -> pa.RecordBatch:
    """Add to finished rows their places in the order of their feeds; `causes` of emitted ones."""
    places: list[str | None] = []
    start = 0
    for span, end in zip(spans, ends, strict=True):
        if span.feed is None:
            return named
        if end > start and causes is None:
            places += span.feed.enriched(inputs.slice(start, end - start))
        elif end > start and causes is not None:
            places += span.feed.emitted(inputs, causes[0][start:end], causes[1][start:end])
        start = end
    return with_sequence(named, places)


def _run_keyed(
    operator: KeyedOperator,
    batch: pa.RecordBatch,
    states: StateRows,
    spans: Sequence[Span],
    span_of: Mapping[str, int],
) -> tuple[pa.RecordBatch, list[pa.RecordBatch]]:
    """Run one operator with memory, then fire what is due behind the batch; return its output and what was fired."""
    keys = batch.column(operator.key).unique().to_pylist()
    after, made = operator.process(states.batch(operator, keys), batch)
    states.update(operator, keys, after)
    check_after_rows(operator, keys, after, batch)
    fired = []
    for number, span in enumerate(spans):
        watermark_us = span.watermark_us
        due = [] if watermark_us is None else states.due(operator, watermark_us)
        if span_of:
            due = [key for key in due if span_of[key] == number]
        if watermark_us is None or not due:
            continue
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


def _ordered(
    operator: KeyedOperator,
    times: np.ndarray,
    parts: Sequence[pa.RecordBatch],
    ends: Sequence[int],
    span_of: Mapping[str, int],
) -> tuple[pa.RecordBatch, list[int]]:
    """Sort emitted rows by span and (trigger, deadline before row, deadline, key); return where each span's end, too.

    Rows of one cause keep their order. `ends` says where the spans of the input rows end, `times` their watermarks.
    """
    some = [part for part in parts if part.num_rows]
    if not some:
        return parts[0], [0] * len(ends)
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
            # The trigger of a deadline is the first row of its span whose watermark reaches it.
            number = span_of[key] if span_of else 0
            start = ends[number - 1] if number else 0
            trigger = start + int(np.searchsorted(times[start : ends[number]], deadline))
            places.append((number, trigger, 0, deadline, key, i))
        else:
            places.append((bisect_right(ends, row), row, 1, 0, "", i))
    places.sort()
    numbers = [place[0] for place in places]
    order = [place[-1] for place in places]
    return rows.take(pa.array(order, pa.int64())), [bisect_right(numbers, number) for number in range(len(ends))]


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
