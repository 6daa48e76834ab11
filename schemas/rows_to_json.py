"""Rows to JSON values: column by column, the inverse of columns_from_json.

Times are written as YYYY-MM-DDTHH:MM:SS.ffffffZ, maps as objects; a float that is no number becomes null; a null member
of a struct is left out, except where `keep_nulls` says that a null there is an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from schemas.topic import TIMESTAMP

T = TypeVar("T")

_NULL: Final = type(None)
# Stands alone between two rows. Inside a JSON text a line break is written as an escape, so this one is no other.
_BREAK: Final = orjson.Fragment(b"\n")


def dumps(rows: Sequence[object]) -> list[bytes]:
    """Return each row's JSON text.

    All are written at once and cut apart: orjson gives each text of its own a kilobyte first, which costs ten times
    what the writing does.
    """
    if not rows:
        return []
    pieces: list[object] = [_BREAK] * (2 * len(rows))
    pieces[::2] = rows
    return orjson.dumps(pieces)[1 : -len(b",\n]")].split(b",\n,")


def json_values(array: pa.Array, *, keep_nulls: bool = False) -> list[object]:
    """Return a column's values as orjson takes them. `keep_nulls`: a null member of these structs stays, as null."""
    type_ = array.type
    if array.null_count == len(array):
        return [None] * len(array)
    if type_ == TIMESTAMP:
        return times_as_text(array).to_pylist()  # type: ignore[no-any-return]
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


def times_as_text(array: pa.Array) -> pa.Array:
    """Return a column of UTC times as YYYY-MM-DDTHH:MM:SS.ffffffZ."""
    # Without its zone, for Arrow looks a zone up for each value; that takes thirty times as long.
    plain = pc.binary_replace_slice(array.cast(pa.timestamp("us")).cast(pa.string()), 10, 11, "T")
    return pc.binary_join_element_wise(plain, "Z", "")


def objects(names: Sequence[str], columns: Sequence[Sequence[object]], rows: int) -> list[dict[str, object]]:
    """Return one object a row from columns of JSON values; a null is left out."""
    kinds = [set(map(type, column)) for column in columns]
    some = [i for i, kind in enumerate(kinds) if kind != {_NULL}]
    if not some:
        return [{} for _ in range(rows)]
    names = [names[i] for i in some]
    found: list[dict[str, object]] = [
        dict(zip(names, row, strict=True)) for row in zip(*[columns[i] for i in some], strict=True)
    ]
    for name, i in zip(names, some, strict=True):
        if _NULL in kinds[i]:
            for one, value in zip(found, columns[i], strict=True):
                if value is None:
                    del one[name]
    return found


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
