"""How an operator says that one row cannot be processed: the row stays, its `_error` column is set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from schemas.topic import ERROR


@dataclass(frozen=True, slots=True)
class RowError:
    """Why one row cannot be processed: a dead-letter reason (`code`, see schemas/dead_letters.py) and a sentence."""

    operator: str
    code: str
    message: str


def with_errors(batch: pa.RecordBatch, errors: Mapping[int, RowError]) -> pa.RecordBatch:
    """Return the batch with `_error` set on the rows at these indices; unchanged when there are none.

    A row that has failed already keeps its first error.
    """
    if not errors:
        return batch
    before = batch.column("_error").to_pylist() if "_error" in batch.schema.names else [None] * batch.num_rows
    values = [
        before[row]
        or ({"operator": e.operator, "code": e.code, "message": e.message} if (e := errors.get(row)) else None)
        for row in range(batch.num_rows)
    ]
    column = pa.array(values, ERROR.type)
    if "_error" in batch.schema.names:
        return batch.set_column(batch.schema.get_field_index("_error"), ERROR, column)
    return batch.append_column(ERROR, column)


def failed_rows(batch: pa.RecordBatch) -> dict[int, RowError]:
    """Return the failed rows of a batch by index."""
    if "_error" not in batch.schema.names:
        return {}
    column = batch.column("_error")
    if column.null_count == len(column):
        return {}
    return {
        row: RowError(value["operator"], value["code"], value["message"])
        for row, value in enumerate(column.to_pylist())
        if value is not None
    }
