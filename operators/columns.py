"""What every operator asks of its input's columns, with errors that say what was expected, what came, and where."""

from __future__ import annotations

import pyarrow as pa


def require(operator: str, schema: pa.Schema, name: str, type_: pa.DataType) -> None:
    """Raise ValueError unless the schema has a column of this name and type."""
    if name not in schema.names:
        raise ValueError(f"operator {operator}: expected a column {name!r} ({type_}), got {', '.join(schema.names)}")
    if schema.field(name).type != type_:
        raise ValueError(f"operator {operator}: expected {name!r} to be {type_}, got {schema.field(name).type}")


def with_fields(operator: str, schema: pa.Schema, fields: list[pa.Field]) -> pa.Schema:
    """Return the schema with these fields added; ValueError when one is there already."""
    for field in fields:
        if field.name in schema.names:
            raise ValueError(f"operator {operator}: would add a column {field.name!r}, but the rows have one already")
    return pa.schema([*schema, *fields])


def with_columns(batch: pa.RecordBatch, fields: list[pa.Field], columns: list[pa.Array]) -> pa.RecordBatch:
    """Return the batch with these columns added at the end."""
    for field, column in zip(fields, columns, strict=True):
        batch = batch.append_column(field, column)
    return batch
