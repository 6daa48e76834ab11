"""Columns of records: objects of numbers and categories to rows of float32, the same in training and in service.

A number stands as it is; where it is missing it stands as not-a-number if the training rows had such gaps, else as
their median. A category becomes one column for each value known; a value that is not known, or missing where none was
missing in training, is none of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray


class WrongValue(ValueError):
    """A value that its column cannot take; the text says what was expected, what came, and where."""


class Column(msgspec.Struct, frozen=True):
    """One column: a `number` with what stands for a missing one (None: not-a-number), or a `category` with its values.

    A missing category is the value "".
    """

    name: str
    kind: Literal["number", "category"]
    fill: float | None = None
    values: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """How many columns of float32 it becomes."""
        return len(self.values) if self.kind == "category" else 1


def number_of(value: object) -> float | None:
    """Read a number; None for null, an empty text, or what is not finite; WrongValue for anything else.

    >>> number_of(3), number_of("2.5"), number_of(True), number_of(""), number_of("nan")
    (3.0, 2.5, 1.0, None, None)
    """
    if value is None:
        return None
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = float(value)
        except ValueError:
            raise WrongValue("a text") from None
    if not isinstance(value, bool | int | float):
        raise WrongValue("an array or an object")
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def category_of(value: object) -> str:
    """Read a category; a whole number is written without a point, a missing value is "".

    >>> category_of("L"), category_of(7.0), category_of(None), category_of(False)
    ('L', '7', '', 'false')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str | int | float):
        return str(value)
    raise WrongValue("an array or an object")


def width_of(columns: Sequence[Column]) -> int:
    """Return how many columns of float32 these become."""
    return sum(column.width for column in columns)


def encode(columns: Sequence[Column], records: Sequence[Mapping[str, object]]) -> NDArray[np.float32]:
    """Return (records, width) float32; WrongValue names the column whose value is none that it can take."""
    found = np.zeros((len(records), width_of(columns)), dtype=np.float32)
    at = 0
    with np.errstate(over="ignore"):
        for column in columns:
            places = {value: at + i for i, value in enumerate(column.values)}
            for row, record in enumerate(records):
                try:
                    if column.kind == "category":
                        place = places.get(category_of(record.get(column.name)))
                        if place is not None:
                            found[row, place] = 1.0
                    else:
                        number = number_of(record.get(column.name))
                        filled = number if number is not None else column.fill
                        found[row, at] = math.nan if filled is None else filled
                except WrongValue as wrong:
                    raise WrongValue(f"expected a {column.kind} in {column.name}, got {wrong}") from None
            at += column.width
    return found
