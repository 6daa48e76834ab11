"""What to do when an operator raises: try again, then find the row that it is about, and lose only that one."""

from __future__ import annotations

from contextlib import nullcontext

import pyarrow as pa

from infra.broker import BrokerMismatch, BrokerUnavailable
from operators.row_errors import RowError
from pipelines.engines.sequence import Feed
from pipelines.engines.state_rows import BrokenContract, StateRows
from pipelines.engines.step import StepResult, Timed, run_step
from pipelines.pipeline import Pipeline
from schemas.topic import Topic

# These say that something around the rows is broken; no row is to blame, so the job stops and nothing is lost.
OUTAGES = (BrokerUnavailable, BrokerMismatch, OSError, MemoryError, ImportError, BrokenContract)
# Of so many rows tried one by one, more failing than this share is not a matter of rows.
MOST_BLAMED_SHARE = 0.5
FEW_ROWS = 4
TRIES = 2


class OperatorFailed(Exception):
    """An operator raised on so many rows that they cannot be to blame. Nothing of the step was committed."""

    @staticmethod
    def on(pipeline: Pipeline, source: Topic, batch: pa.RecordBatch, error: Exception) -> OperatorFailed:
        """Say which operator of which pipeline raised what, and on which rows."""
        operator = next(iter(getattr(error, "__notes__", [])), "an operator")
        rows = f"{batch.num_rows} rows of {source.name}"
        if batch.num_rows:
            place = batch.column("origin")[0].as_py()
            rows += f" from {place['topic']}/{place['partition']} offset {place['offset']} on"
        return OperatorFailed(
            f"pipeline {pipeline.name}: {operator} raised {type(error).__name__}: {error}, on {rows}; nothing of them "
            "was committed, and the next run begins there again"
        )


def run_isolated(
    pipeline: Pipeline,
    source: Topic,
    batch: pa.RecordBatch,
    states: StateRows,
    watermark_us: int | None,
    feed: Feed | None = None,
    timed: Timed = nullcontext,
) -> tuple[StepResult, StateRows]:
    """Run a step; if it raises twice, run its rows one by one and blame those that raise alone.

    Returns the result and the memory after it. An outage is raised as it is; when so many rows fail that the operator
    must be broken it is OperatorFailed. Then nothing may be committed.
    """
    failed: Exception | None = None
    for _ in range(TRIES):
        attempt = states.copy()
        try:
            return run_step(pipeline, source, batch, attempt, watermark_us, feed, timed), attempt
        except OUTAGES:
            raise
        except Exception as error:  # noqa: BLE001 - an operator may raise anything
            failed = error
    assert failed is not None
    if batch.num_rows == 0:
        raise OperatorFailed.on(pipeline, source, batch, failed) from failed
    return _one_by_one(pipeline, source, batch, states, watermark_us, feed, failed)


def _one_by_one(
    pipeline: Pipeline,
    source: Topic,
    batch: pa.RecordBatch,
    states: StateRows,
    watermark_us: int | None,
    feed: Feed | None,
    first_error: Exception,
) -> tuple[StepResult, StateRows]:
    result = StepResult()
    watermarks = batch.column("watermark").view(pa.int64()).to_pylist()
    for row in range(batch.num_rows):
        attempt = states.copy()
        try:
            # Each row alone is a batch like any other; only the last one goes on to what lies behind the batch.
            until = watermark_us if row == batch.num_rows - 1 else watermarks[row]
            one = run_step(pipeline, source, batch.slice(row, 1), attempt, until, feed)
        except OUTAGES:
            raise
        except Exception as error:  # noqa: BLE001
            message = f"{type(error).__name__}: {error}"
            result.failures[row] = RowError(pipeline.name, "infer_error", message)
            continue
        states = attempt
        result.outputs += one.outputs
        if one.failures:
            result.failures[row] = one.failures[0]
    blamed = sum(failure.operator == pipeline.name for failure in result.failures.values())
    if batch.num_rows >= FEW_ROWS and blamed > MOST_BLAMED_SHARE * batch.num_rows:
        raise OperatorFailed.on(pipeline, source, batch, first_error) from first_error
    return result, states
