"""Columns of state rows whose cells hold several entries each, made and taken apart without a loop over rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Integers = NDArray[np.int64]


def bytes_of(column: pa.Array) -> memoryview:
    """Return the cells of a binary column without nulls, one behind the other.

    >>> bytes(bytes_of(pa.array([b"a", b"bc", b"d"])[1:]))
    b'bcd'
    """
    if not len(column):
        return memoryview(b"")
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    return memoryview(b"" if data is None else data)[ends[0] : ends[-1]]


def binary_of(entries: NDArray[Any], ends: Integers, absent: NDArray[np.bool_]) -> pa.BinaryArray:
    """Return a binary column: of row i, the bytes of the entries from `ends[i]` to before `ends[i + 1]`.

    Null where `absent`. A column holds at most 2 GiB; more is a ValueError.

    >>> entries, absent = np.array([b"a", b"b", b"c"], "S1"), np.array([False, True, False])
    >>> binary_of(entries, np.array([0, 2, 2, 3]), absent).to_pylist()
    [b'ab', None, b'c']
    """
    width = entries.dtype.itemsize * int(np.prod(entries.shape[1:], dtype=np.int64))
    if ends[-1] * width > np.iinfo(np.int32).max:
        raise ValueError(f"expected at most 2 GiB of memory in a step's rows, got {ends[-1] * width} bytes")
    offsets = (ends * width).astype(np.int32)
    data = pa.py_buffer(np.ascontiguousarray(entries))
    return pa.Array.from_buffers(
        pa.binary(), len(absent), [_valid(absent), pa.py_buffer(offsets), data], null_count=int(absent.sum())
    )


def lists_of(entries: pa.Array, ends: Integers, absent: NDArray[np.bool_]) -> pa.ListArray:
    """Return a column of lists: of row i, the entries from `ends[i]` to before `ends[i + 1]`; null where `absent`."""
    return pa.ListArray.from_arrays(pa.array(ends.astype(np.int32)), entries, mask=pa.array(absent))


def _valid(absent: NDArray[np.bool_]) -> pa.Buffer | None:
    return pa.py_buffer(np.packbits(~absent, bitorder="little")) if absent.any() else None
