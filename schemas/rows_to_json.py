"""Rows to JSON values: column by column, the inverse of columns_from_json.

Times are written as YYYY-MM-DDTHH:MM:SS.ffffffZ, maps as objects; a float that is no number becomes null; a null member
of a struct is left out, except where `keep_nulls` says that a null there is an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from schemas.topic import TIMESTAMP

T = TypeVar("T")


def json_values(array: pa.Array, *, keep_nulls: bool = False) -> list[object]:
    """Return a column's values as orjson takes them. `keep_nulls`: a null member of these structs stays, as null."""
    type_ = array.type
    if array.null_count == len(array):
        return [None] * len(array)
    if type_ == TIMESTAMP:
        times: list[object] = pc.binary_replace_slice(array.cast(pa.string()), 10, 11, "T").to_pylist()
        return times
    if pa.types.is_floating(type_):
        finite: list[object] = pc.if_else(pc.is_finite(array), array, None).to_pylist()
        return finite
    if pa.types.is_struct(type_):
        return _objects(array, keep_nulls)
    if pa.types.is_map(type_):
        # Slices of the children by the offsets, for `keys` and `items` know nothing of where a sliced array begins.
        start, end = _span(array)
        keys = array.keys[start:end].to_pylist()
        pairs = list(zip(keys, json_values(array.items[start:end]), strict=True))
        return [None if one is None else dict(one) for one in _pieces(array, pairs)]
    if pa.types.is_list(type_):
        start, end = _span(array)
        return list(_pieces(array, json_values(array.values[start:end])))
    plain: list[object] = array.to_pylist()
    return plain


def objects(names: Sequence[str], columns: Sequence[Sequence[object]], rows: int) -> list[dict[str, object]]:
    """Return one object a row from columns of JSON values; a null is left out."""
    if not columns:
        return [{} for _ in range(rows)]
    return [
        {name: value for name, value in zip(names, row, strict=True) if value is not None}
        for row in zip(*columns, strict=True)
    ]


def _objects(array: pa.StructArray, keep_nulls: bool) -> list[object]:
    names = [array.type.field(i).name for i in range(array.type.num_fields)]
    columns = [json_values(child) for child in array.flatten()]
    if keep_nulls:
        found: list[dict[str, object]] = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    else:
        found = objects(names, columns, len(array))
    if not array.null_count:
        return list(found)
    return [one if valid else None for one, valid in zip(found, array.is_valid().to_pylist(), strict=True)]


def _span(array: pa.Array) -> tuple[int, int]:
    """Return where the items of a list or map column begin and end in its children."""
    return array.offsets[0].as_py(), array.offsets[-1].as_py()


def _pieces(array: pa.Array, items: Sequence[T]) -> list[list[T] | None]:
    """Cut the items of a list or map column into its rows; None for a null row."""
    offsets = array.offsets.to_pylist()
    first = offsets[0]
    valid = array.is_valid().to_pylist()
    return [
        list(items[offsets[row] - first : offsets[row + 1] - first]) if valid[row] else None
        for row in range(len(array))
    ]
