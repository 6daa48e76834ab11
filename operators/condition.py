"""Conditions on columns: small values that can be read aloud, checked against a schema and asked of a whole batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc

Comparison = Literal["==", "!=", "in", "not in", ">=", ">", "<=", "<", "is true", "is false"]
Value = str | float | tuple[str, ...] | None

_ORDER = {">=": pc.greater_equal, ">": pc.greater, "<=": pc.less_equal, "<": pc.less}
# Said of a value that is not known: it is none of these.
_TRUE_OF_NULL = ("!=", "not in")


@dataclass(frozen=True)
class Condition:
    """One comparison of one column with a constant.

    `column` is a path such as `hubbub.urgency.label`. A null value fulfils nothing but `!=` and `not in`: what is not
    known is not the thing that is ruled out, and is not taken for the thing that is asked for.

    >>> str(Condition("hubbub.urgency.label", "in", ("critical", "high")))
    'hubbub.urgency.label is critical or high'
    """

    column: str
    comparison: Comparison
    value: Value = None

    def __post_init__(self) -> None:
        """Refuse a comparison that does not go with its value."""
        where = f"condition on {self.column!r}"
        if not self.column:
            raise ValueError("condition: expected the path of a column, got an empty one")
        if self.comparison not in get_args(Comparison):
            raise ValueError(f"{where}: expected one of {', '.join(get_args(Comparison))}, got {self.comparison!r}")
        if self.comparison in _ORDER:
            if not isinstance(self.value, int | float) or isinstance(self.value, bool) or self.value != self.value:
                raise ValueError(f"{where}: {self.comparison} expects a number, got {self.value!r}")
        elif self.comparison in ("in", "not in"):
            if not isinstance(self.value, tuple) or not self.value or not all(isinstance(v, str) for v in self.value):
                raise ValueError(f"{where}: {self.comparison} expects a tuple of texts, got {self.value!r}")
        elif self.comparison in ("==", "!="):
            if not isinstance(self.value, str):
                raise ValueError(f"{where}: {self.comparison} expects a text, got {self.value!r}")
        elif self.value is not None:
            raise ValueError(f"{where}: {self.comparison} takes no value, got {self.value!r}")

    def __str__(self) -> str:
        if isinstance(self.value, tuple):
            return f"{self.column} is {'not ' if self.comparison == 'not in' else ''}{' or '.join(self.value)}"
        if self.value is None:
            return f"{self.column} {self.comparison}"
        words = {"==": "is", "!=": "is not"}.get(self.comparison, self.comparison)
        return f"{self.column} {words} {self.value}"

    def check(self, schema: pa.Schema) -> None:
        """Raise ValueError unless the schema has the column, of a type that can be compared so."""
        type_ = type_of_path(schema, self.column)
        if self.comparison in _ORDER:
            expected, right = "a number", pa.types.is_integer(type_) or pa.types.is_floating(type_)
        elif self.value is None:
            expected, right = "a boolean", pa.types.is_boolean(type_)
        else:
            expected, right = "a text", pa.types.is_string(type_)
        if not right:
            raise ValueError(f"condition '{self}': expected {expected} in {self.column!r}, got {type_}")

    def mask(self, batch: pa.RecordBatch) -> pa.Array:
        """Return for each row whether it fulfils the condition; never null."""
        values = column_at(batch, self.column)
        if self.value is None:
            answer = values if self.comparison == "is true" else pc.invert(values)
        elif isinstance(self.value, tuple):
            # is_in says false of a null; `not in` turns that into true, as promised.
            answer = pc.is_in(values, value_set=pa.array(self.value, pa.string()))
            return pc.invert(answer) if self.comparison == "not in" else answer
        elif isinstance(self.value, str):
            answer = (pc.equal if self.comparison == "==" else pc.not_equal)(values, pa.scalar(self.value, pa.string()))
        else:
            answer = _ORDER[self.comparison](values, self.value)
        return pc.fill_null(answer, self.comparison in _TRUE_OF_NULL)


def all_of(conditions: Sequence[Condition], batch: pa.RecordBatch) -> pa.Array | None:
    """Return the rows that fulfil every condition; None when no row does (the others are then not asked)."""
    answer = None
    for condition in conditions:
        mask = condition.mask(batch)
        answer = mask if answer is None else pc.and_(answer, mask)
        if not answer.true_count:
            return None
    return answer


def any_of(conditions: Sequence[Condition], batch: pa.RecordBatch) -> pa.Array | None:
    """Return the rows that fulfil at least one condition; None when no row does."""
    answer = None
    for condition in conditions:
        mask = condition.mask(batch)
        answer = mask if answer is None else pc.or_(answer, mask)
    return answer if answer is not None and answer.true_count else None


def column_at(batch: pa.RecordBatch, path: str) -> pa.Array:
    """Return the column at a dotted path; null wherever something on the way is null."""
    first, *rest = path.split(".")
    column = batch.column(first)
    return pc.struct_field(column, rest) if rest else column


def type_of_path(schema: pa.Schema, path: str) -> pa.DataType:
    """Return the type at a dotted path; ValueError names the step that is missing and what is there instead."""
    first, *rest = path.split(".")
    if first not in schema.names:
        raise ValueError(f"expected a column {first!r} for {path!r}, got {', '.join(schema.names)}")
    type_ = schema.field(first).type
    for name in rest:
        known = [field.name for field in type_] if pa.types.is_struct(type_) else []
        if name not in known:
            raise ValueError(f"expected a field {name!r} for {path!r}, got {', '.join(known) or type_}")
        type_ = type_.field(name).type
    return type_
