"""Conditions on columns: small values that can be read aloud, checked against a schema and asked of a whole batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc
import re2

from operators.words import Say, in_english, listed

Comparison = Literal[
    "==",
    "!=",
    "in",
    "not in",
    ">=",
    ">",
    "<=",
    "<",
    "between",
    "outside",
    "contains",
    "matches",
    "is true",
    "is false",
]
Value = str | float | tuple[str, ...] | tuple[float, float] | None

_ORDER = {">=": pc.greater_equal, ">": pc.greater, "<=": pc.less_equal, "<": pc.less}
_RANGES = ("between", "outside")
_TEXTS = ("==", "!=", "contains", "matches")
# Said of a value that is not known: it is none of these.
_TRUE_OF_NULL = ("!=", "not in")
MOST_PATTERN_CHARACTERS = 1000


@dataclass(frozen=True)
class Condition:
    """One comparison of one column with a constant.

    `column` is a path such as `hubbub.urgency.label`. A null value fulfils nothing but `!=` and `not in`: what is not
    known is not the thing that is ruled out, and is not taken for the thing that is asked for. A range (`between`, and
    its opposite `outside`) holds both its ends. `contains` looks for a text whatever its case, `matches` for a regular
    expression of RE2, anywhere in the value.

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
            if not _is_number(self.value):
                raise ValueError(f"{where}: {self.comparison} expects a number, got {self.value!r}")
        elif self.comparison in _RANGES:
            self._check_range(where)
        elif self.comparison in ("in", "not in"):
            if not isinstance(self.value, tuple) or not self.value or not all(isinstance(v, str) for v in self.value):
                raise ValueError(f"{where}: {self.comparison} expects a tuple of texts, got {self.value!r}")
        elif self.comparison in _TEXTS:
            if not isinstance(self.value, str):
                raise ValueError(f"{where}: {self.comparison} expects a text, got {self.value!r}")
            if self.comparison in ("contains", "matches"):
                self._check_pattern(where, self.value)
        elif self.value is not None:
            raise ValueError(f"{where}: {self.comparison} takes no value, got {self.value!r}")

    def __str__(self) -> str:
        return self.in_words(in_english)

    def in_words(self, say: Say) -> str:
        """Return it as a person reads it."""
        column, value = self.column, self.value
        if self.comparison in _RANGES and isinstance(value, tuple):
            low, high = map(str, value)
            between = self.comparison == "between"
            pattern = "{column} is between {low} and {high}" if between else "{column} is outside {low} to {high}"
            return say(pattern, column=column, low=low, high=high)
        if isinstance(value, tuple):
            words = listed("{one} or {other}", map(str, value), say)
            pattern = "{column} is not {value}" if self.comparison == "not in" else "{column} is {value}"
            return say(pattern, column=column, value=words)
        if value is None:
            return say(f"{{column}} {self.comparison}", column=column)
        quoted = '"{value}"' if self.comparison in ("contains", "matches") else "{value}"
        words = {"==": "is", "!=": "is not"}.get(self.comparison, self.comparison)
        return say(f"{{column}} {words} {quoted}", column=column, value=str(value))

    @property
    def texts(self) -> tuple[str, ...]:
        """The whole values that it names, of a column of texts."""
        if self.comparison in ("==", "!=") and isinstance(self.value, str):
            return (self.value,)
        if self.comparison in ("in", "not in") and isinstance(self.value, tuple):
            return tuple(str(one) for one in self.value)
        return ()

    def check(self, schema: pa.Schema) -> None:
        """Raise ValueError unless the schema has the column, of a type that can be compared so."""
        type_ = type_of_path(schema, self.column)
        if self.comparison in _ORDER or self.comparison in _RANGES:
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
        return pc.fill_null(self._asked(values), self.comparison in _TRUE_OF_NULL)

    def _asked(self, values: pa.Array) -> pa.Array:
        if self.value is None:
            return values if self.comparison == "is true" else pc.invert(values)
        if self.comparison in _RANGES and isinstance(self.value, tuple):
            low, high = self.value
            inside = pc.and_(pc.greater_equal(values, low), pc.less_equal(values, high))
            return inside if self.comparison == "between" else pc.invert(inside)
        if isinstance(self.value, tuple):
            # is_in says false of a null; `not in` turns that into true, as promised.
            answer = pc.is_in(values, value_set=pa.array(self.value, pa.string()))
            return pc.invert(answer) if self.comparison == "not in" else answer
        if self.comparison == "contains":
            return pc.match_substring(values, self.value, ignore_case=True)
        if self.comparison == "matches":
            return pc.match_substring_regex(values, self.value)
        if isinstance(self.value, str):
            return (pc.equal if self.comparison == "==" else pc.not_equal)(values, pa.scalar(self.value, pa.string()))
        return _ORDER[self.comparison](values, self.value)

    def _check_range(self, where: str) -> None:
        value = self.value
        if not isinstance(value, tuple) or len(value) != 2 or not all(_is_number(end) for end in value):
            raise ValueError(f"{where}: {self.comparison} expects two numbers, the lower one first, got {value!r}")
        if value[0] > value[1]:  # type: ignore[operator] # both are numbers
            raise ValueError(
                f"{where}: {self.comparison} expects the lower number first, got {value[0]} and {value[1]}"
            )

    def _check_pattern(self, where: str, pattern: str) -> None:
        if not 0 < len(pattern) <= MOST_PATTERN_CHARACTERS:
            most = f"1 to {MOST_PATTERN_CHARACTERS} characters"
            raise ValueError(f"{where}: {self.comparison} expects {most}, got {len(pattern)}")
        if self.comparison == "matches":
            try:
                pc.match_substring_regex(pa.array([""]), pattern)
                re2.compile(pattern)
            except (pa.ArrowInvalid, re2.error) as error:
                raise ValueError(f"{where}: expected a regular expression of RE2, got {pattern!r}: {error}") from error


def _is_number(value: object) -> bool:
    """Tell whether it is a number that Arrow can compare with."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool) and -(1 << 63) <= value < 1 << 63


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
