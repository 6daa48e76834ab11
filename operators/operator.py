"""The two contracts of everything that is done to rows: operators, and operators with memory.

The contract suite (tests/contract/test_operators.py) holds every registered operator to what stands here.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import pyarrow as pa


@runtime_checkable
class Operator(Protocol):
    """A frozen object that adds columns to rows.

    `process` returns the same rows in the same order, with more columns. Where the batch is cut changes nothing, so it
    may hold rows of several partitions of a topic, one behind the other, each with a time of its own. The input is not
    changed; columns it does not know pass through; a null or empty input gives null. A row that cannot be processed
    stays in place with its `_error` column set (see operators/row_errors.py); raising an exception means a bug or an
    outage, never a bad row. No clock, no randomness, no environment. It pickles.
    """

    @property
    def name(self) -> str:
        """What it is called in ids, errors and metrics; never changes once data was written."""
        ...

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Return the columns of the output for these columns; ValueError names one that is missing or mistyped."""
        ...

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows of `batch` with this operator's columns added."""
        ...


@runtime_checkable
class KeyedOperator(Protocol):
    """An operator with memory: one state row a key, kept by the engine.

    `states` has the columns of `state_schema` and one row for each distinct key of the batch, in order of first
    appearance; all columns are null for a key without memory. Saved and restored at any row, it goes on as if nothing
    had happened. `state_schema` may hold two columns that the engine understands, both timestamps:
    `deadline` (when this key wants to be called though no row of it comes) and `expires_at` (when its memory may be
    dropped; the operator itself treats memory as gone for a row whose `watermark` has reached it, so that the moment
    of dropping shows nowhere).

    An operator that does not `emit` returns the batch's rows in order with columns added, like an Operator.
    One that emits returns new rows: the event columns of what it makes, and `_row` (int64: index in the batch of the
    row that caused it, null when a deadline did), `_deadline` (timestamp: the deadline that caused it, else null) and
    `_key` (string). For each row it first fires its key's deadlines <= that row's `watermark`, then applies the row.
    A deadline that a row sets lies above that row's `watermark`; what is due by then already is the row's own doing
    and is emitted with its `_row`, or the order of rows would depend on where batches are cut. Likewise `fire` leaves
    no deadline <= its `watermark_us`. An engine that finds another one in memory behind a step stops the job.
    The engine gives emitted rows their ids and their order (trigger, deadline before row, deadline, key, index).
    """

    @property
    def name(self) -> str:
        """What it is called in ids, errors, metrics and state records."""
        ...

    @property
    def version(self) -> int:
        """Version of `state_schema`; an engine that finds state of another version stops."""
        ...

    @property
    def key(self) -> str:
        """Name of the column that is the key."""
        ...

    @property
    def emits(self) -> bool:
        """Whether the output is new rows instead of the input's with columns added."""
        ...

    @property
    def state_schema(self) -> pa.Schema:
        """Columns of one key's memory, all nullable."""
        ...

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Return the columns of the output for these columns; ValueError names one that is missing or mistyped."""
        ...

    def process(self, states: pa.RecordBatch, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Return the new states (same keys, same order) and the output."""
        ...

    def fire(self, keys: pa.Array, states: pa.RecordBatch, watermark_us: int) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Fire all deadlines <= `watermark_us` of these keys; return their new states and what was emitted.

        Called only when `state_schema` has a `deadline`.
        """
        ...


def never_fires(
    operator: KeyedOperator, keys: pa.Array, states: pa.RecordBatch, watermark_us: int
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Stand in as `fire` of an operator whose `state_schema` has no `deadline`: the engine never calls it."""
    raise TypeError(f"operator {operator.name} has no deadlines; this is a bug of the engine")


# Columns that an emitting operator adds to say what caused each row.
CAUSE = (
    pa.field("_row", pa.int64()),
    pa.field("_deadline", pa.timestamp("us", tz="UTC")),
    pa.field("_key", pa.string(), nullable=False),
)
