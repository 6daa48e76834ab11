"""Rows to JSON texts, column by column: the inverse of columns_from_json.

A row's text is made of pieces that lie side by side: constant ones (names, quotation marks, brackets) and columns of
texts, one a row. No object is built for a row, and each column is written in one go.
Times are written as YYYY-MM-DDTHH:MM:SS.ffffffZ, maps as objects; a float that is no number is null; a null member of
a struct is left out, except where `keep_nulls` says that a null there is an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, repeat
from typing import Final, TypeAlias

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from schemas.topic import TIMESTAMP

Pieces: TypeAlias = list[bytes | list[bytes]]

# Stands alone between two texts. Inside a JSON text a line break is written as an escape, so this one is no other.
_BREAK: Final = orjson.Fragment(b"\n")
_FIRST_PRINTABLE: Final = 0x20


def object_texts(
    names: Sequence[str], columns: Sequence[pa.Array], rows: int, *, keep_nulls: Sequence[str] = ()
) -> list[bytes]:
    """Return one JSON object a row, with a member a column; a null is left out.

    `keep_nulls` names struct columns whose own null members are written.
    """
    return _joined(_members(names, columns, keep_nulls), rows)


def times_as_text(array: pa.Array) -> pa.Array:
    """Return a column of UTC times as YYYY-MM-DDTHH:MM:SS.ffffffZ."""
    # Without its zone, for Arrow looks a zone up for each value; that takes thirty times as long.
    plain = pc.binary_replace_slice(array.view(pa.timestamp("us")).cast(pa.string()), 10, 11, "T")
    return pc.binary_join_element_wise(plain, "Z", "")


def _members(
    names: Sequence[str], columns: Sequence[pa.Array], keep_nulls: Sequence[str] = (), *, nulls: bool = False
) -> Pieces:
    """Return the pieces of objects; `nulls` says that null members are written."""
    pieces: Pieces = []
    for name, array in zip(names, columns, strict=True):
        begin = b"," + orjson.dumps(name) + b":"
        if pa.types.is_floating(array.type) and not _all_finite(array):
            array = pc.if_else(pc.is_finite(array), array, None)  # noqa: PLW2901
        keep = name in keep_nulls
        if not array.null_count:
            pieces += [begin, *_pieces(array, keep_nulls=keep)]
        elif nulls:
            pieces += [begin, _texts(array, keep_nulls=keep)]
        elif array.null_count < len(array):
            pieces.append([begin + text if text else b"" for text in _texts(array, keep_nulls=keep, null=b"")])
    # The first member has no comma before it; which one that is may differ from row to row.
    if not pieces:
        return [b"{}"]
    if isinstance(pieces[0], bytes):
        return [b"{" + pieces[0][1:], *pieces[1:], b"}"]
    return [b"{", [text[1:] for text in _joined(pieces, len(pieces[0]))], b"}"]


def _pieces(array: pa.Array, *, keep_nulls: bool = False) -> Pieces:
    """Return the pieces of values of which none is null."""
    type_ = array.type
    if pa.types.is_string(type_):
        return _quoted(array)
    if type_ == TIMESTAMP:
        return [b'"', times_as_text(array).view(pa.binary()).to_pylist(), b'"']
    if pa.types.is_boolean(type_):
        return [[b"true" if value else b"false" for value in array.to_pylist()]]
    if pa.types.is_struct(type_):
        return _members(type_.names, array.flatten(), nulls=keep_nulls)
    if pa.types.is_list(type_):
        offsets, start, end = _offsets(array)
        items = pa.array(_texts(array.values[start:end]), pa.binary())
        return [b"[", pc.binary_join(pa.ListArray.from_arrays(offsets, items), b",").to_pylist(), b"]"]
    if pa.types.is_map(type_):
        # Slices of the children by the offsets, for `keys` and `items` know nothing of where a sliced array begins.
        offsets, start, end = _offsets(array)
        pairs = list(zip(_texts(array.keys[start:end]), _texts(array.items[start:end]), strict=True))
        objects = [dict(pairs[begin:end]) for begin, end in pairwise(offsets.to_pylist())]  # the last of a name holds
        return [b"{", [b",".join(b"%b:%b" % pair for pair in one.items()) for one in objects], b"}"]
    return [_dumped(array)]


def _texts(array: pa.Array, *, keep_nulls: bool = False, null: bytes = b"null") -> list[bytes]:
    """Return each value's text; `null` stands for a null."""
    if not array.null_count:
        return _joined(_pieces(array, keep_nulls=keep_nulls), len(array))
    dense = array.drop_null()
    texts = [null] * len(array)
    places = np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False)).tolist()
    for place, text in zip(places, _joined(_pieces(dense, keep_nulls=keep_nulls), len(dense)), strict=True):
        texts[place] = text
    return texts


def _joined(pieces: Pieces, rows: int) -> list[bytes]:
    """Return each row's pieces as one text."""
    if not any(isinstance(piece, list) for piece in pieces):
        return [b"".join(pieces)] * rows  # type: ignore[arg-type]
    merged: Pieces = []
    for piece in pieces:
        if merged and isinstance(piece, bytes) and isinstance(merged[-1], bytes):
            merged[-1] += piece
        else:
            merged.append(piece)
    return list(
        map(b"".join, zip(*(repeat(one, rows) if isinstance(one, bytes) else one for one in merged), strict=True))
    )


def _all_finite(array: pa.Array) -> bool:
    return not array.null_count and bool(np.isfinite(array.to_numpy()).all())


def _quoted(array: pa.Array) -> Pieces:
    """Return the pieces of texts; where none needs an escape they are there already."""
    values: list[bytes] = array.view(pa.binary()).to_pylist()
    together = b"".join(values)
    least = np.frombuffer(together, np.uint8).min(initial=_FIRST_PRINTABLE)
    if b'"' in together or b"\\" in together or least < _FIRST_PRINTABLE:
        return [_dumped(array)]
    return [b'"', values, b'"']


def _dumped(array: pa.Array) -> list[bytes]:
    """Return the values' texts as orjson writes them.

    All are written at once and cut apart: orjson gives a text of its own a kilobyte first, which costs ten times what
    the writing does.
    """
    if not len(array):
        return []
    values: list[object] = [_BREAK] * (2 * len(array))
    values[::2] = array.to_pylist()
    return orjson.dumps(values)[1 : -len(b",\n]")].split(b",\n,")


def _offsets(array: pa.Array) -> tuple[pa.Array, int, int]:
    """Return where each row's items begin, from 0, and where all of them begin and end in the column's children."""
    start, end = array.offsets[0].as_py(), array.offsets[-1].as_py()
    return pc.subtract(array.offsets, start), start, end
