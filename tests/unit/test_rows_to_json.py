"""Rows to JSON texts: what orjson would write of the same rows as objects, wherever the column was cut."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import orjson
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from schemas.rows_to_json import object_texts

TEXTS = st.none() | st.text(st.sampled_from('ab"\\\n\x00\x1f\x7fé设😀'), max_size=4)
INNER = pa.struct([pa.field("first", pa.string()), pa.field("score", pa.float64()), pa.field("sure", pa.bool_())])
FIELDS = {
    "text": pa.string(),
    "score": pa.float64(),
    "count": pa.int64(),
    "sure": pa.bool_(),
    "words": pa.list_(pa.string()),
    "inner": INNER,
    'a "name"': pa.map_(pa.string(), pa.float64()),
    "answers": INNER,
}
FLOATS = st.none() | st.floats() | st.sampled_from([0.1, 1e16, -0.0])
OBJECTS = st.none() | st.builds(lambda *of: dict(zip(INNER.names, of, strict=True)), TEXTS, FLOATS, st.booleans())
PAIRS = st.none() | st.lists(st.tuples(st.sampled_from(["x", 'y"']), FLOATS), max_size=3)
ROWS = st.lists(
    st.tuples(
        TEXTS,
        FLOATS,
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.booleans(),
        st.none() | st.lists(TEXTS, max_size=3),
        OBJECTS,
        PAIRS,
        OBJECTS,
    ),
    max_size=6,
)


def finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def without_nulls(one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in one.items() if finite(value) is not None}


@given(ROWS, st.integers(0, 3))
def test_each_row_is_written_as_its_object(rows: list[tuple[Any, ...]], cut: int) -> None:
    columns = [pa.array([row[i] for row in rows], type_)[cut:] for i, type_ in enumerate(FIELDS.values())]
    expected = []
    for row in rows[cut:]:
        one = without_nulls(dict(zip(FIELDS, row, strict=True)))
        if "inner" in one:
            one["inner"] = without_nulls(one["inner"])
        if 'a "name"' in one:
            one['a "name"'] = dict(one['a "name"'])
        expected.append(orjson.dumps(one))
    assert object_texts(list(FIELDS), columns, max(len(rows) - cut, 0), keep_nulls=("answers",)) == expected


def test_rows_without_columns_are_empty_objects() -> None:
    assert object_texts([], [], 2) == [b"{}", b"{}"]
    assert object_texts(["a"], [pa.nulls(2, pa.string())], 2) == [b"{}", b"{}"]
