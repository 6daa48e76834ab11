"""Rows from tables: CSV with a header, and Parquet; columns by name, texts read as the topic declares them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import IO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.bad_input import BadInput
from pipelines.produce.row import BadRow, Row, Rows
from pipelines.produce.settle import Settling, typed
from schemas.timestamps import format_timestamp

_BATCH_ROWS: Final = 5000
_MOST_CELL_CHARACTERS: Final = 1 << 20


def read_csv(lines: Iterable[tuple[int, bytes]], settling: Settling) -> Rows:
    """Read a CSV file in UTF-8 whose first row names the columns; an empty cell is no value.

    A row's line is the one that it begins on. Python's own reader and not Arrow's, for it knows the lines.
    """
    csv.field_size_limit(_MOST_CELL_CHARACTERS)
    reader = csv.reader(_texts(lines), strict=True)
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise BadInput(f"line {line}: expected CSV, got a mistake: {error}") from None
        if header is None:
            header = cells
            _check_header(header)
        elif len(cells) == len(header):
            yield _row(line, zip(header, cells, strict=True), settling)
        elif cells:  # a blank line has none
            yield BadRow(line, f"expected {len(header)} cells as in the header, got {len(cells)}")


def read_parquet(file: IO[bytes], settling: Settling) -> Rows:
    """Read a Parquet file; a row's line is its number, from 1."""
    number = 0
    try:
        table = pq.ParquetFile(file)
        for batch in table.iter_batches(_BATCH_ROWS):
            for event in _microseconds(batch).to_pylist():
                number += 1
                yield _row(number, event.items(), settling)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise BadInput(f"row {number + 1}: expected a Parquet file, got a mistake: {error}") from None


def _texts(lines: Iterable[tuple[int, bytes]]) -> Iterator[str]:
    for number, line in lines:
        try:
            yield line.decode("utf-8") + "\n"
        except UnicodeDecodeError as error:
            raise BadInput(
                f"line {number}: expected UTF-8, got a byte at position {error.start} that is none"
            ) from None


def _check_header(header: list[str]) -> None:
    double = sorted({name for name in header if header.count(name) > 1})
    if double:
        raise BadInput(f"line 1: expected each column once, got {', '.join(map(repr, double))} twice")


def _row(line: int, cells: Iterable[tuple[str, object]], settling: Settling) -> Row | BadRow:
    schema = settling.topic.schema
    event: dict[str, object] = {}
    try:
        for name, cell in cells:
            value = _plain(cell)
            if value is None or value == "":
                continue
            known = name in schema.names
            event[name] = typed(schema.field(name), value) if known and isinstance(value, str) else value
            if known and pa.types.is_map(schema.field(name).type) and isinstance(value, list):
                event[name] = dict(value)
    except ValueError as error:
        return BadRow(line, str(error))
    return settling.event(line, event)


def _plain(value: object) -> object:
    """Return a cell as JSON can say it: times as text (naive ones stay so), decimals as text (the schema reads it)."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return value.isoformat(sep=" ")
        return format_timestamp(value.astimezone(UTC))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items() if one is not None}
    return value


def _microseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Cut times to microseconds, the finest that an event has; Python has no finer ones either."""
    columns = [
        column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
        if pa.types.is_timestamp(column.type) and column.type.unit == "ns"
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
