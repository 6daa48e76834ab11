"""Columns from JSON values: each value must be what its column declares; nothing is guessed or parsed into shape.

Text is text (a number is not), a bool is no number, 3 is a fine float and 3.0 a fine integer, a time is RFC 3339 with
its zone. Null is null in any column (which columns may be null is the codec's question). Unknown members of a nested
object are left out.
A whole column is read at once by the sets of its Python types, children of nested columns likewise; only a column in
which something does not fit is read value by value, to find out which rows and why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import re2

from schemas.timestamps import parse_timestamp
from schemas.topic import TIMESTAMP

_NULL: Final = type(None)
# What Arrow's own cast may read, each with a line break behind it; any other spelling goes through parse_timestamp.
_PLAIN_TIMES: Final = re2.compile(
    rb"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
    rb"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])\n)*"
)
_FIRST_US: Final = pa.scalar(datetime.min, pa.timestamp("us")).value
_LAST_US: Final = pa.scalar(datetime.max, pa.timestamp("us")).value
_KINDS: Final[Mapping[type, str]] = MappingProxyType(
    {
        _NULL: "null",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "an array",
        dict: "an object",
    }
)


class Mismatch(Exception):
    """A value is not what its column declares; the text says what was expected, what came, and where."""


class Reader(Protocol):
    """Reads the JSON values of one Arrow type."""

    def column(self, values: Sequence[object]) -> pa.Array:
        """Read all values at once; Mismatch when one of them may not fit."""
        ...

    def value(self, value: object, place: str) -> object:
        """Return the value as pa.array takes it; Mismatch when it does not fit."""
        ...


def read_column(
    reader: Reader, type_: pa.DataType, name: str, values: Sequence[object]
) -> tuple[pa.Array, dict[int, str]]:
    """Return the column, and for each row whose value does not fit (null in the column) a sentence that says why."""
    try:
        return reader.column(values), {}
    except Mismatch:
        pass
    faults: dict[int, str] = {}
    fitting: list[object] = []
    for row, value in enumerate(values):
        try:
            fitting.append(None if value is None else reader.value(value, name))
        except Mismatch as mismatch:
            faults[row] = str(mismatch)
            fitting.append(None)
    return pa.array(fitting, type_), faults


def reader_of(type_: pa.DataType, values: Sequence[str] = ()) -> Reader:
    """Return the reader of an Arrow type; `values` closes a text; ValueError for a type JSON has not."""
    if pa.types.is_string(type_):
        return _Text(frozenset(values), tuple(values))
    if pa.types.is_boolean(type_):
        return _Truth()
    if pa.types.is_signed_integer(type_):
        return _Integer(type_)
    if pa.types.is_float64(type_):
        return _Number()
    if type_ == TIMESTAMP:
        return _Time()
    if pa.types.is_struct(type_):
        fields = [type_.field(i) for i in range(type_.num_fields)]
        return _Object(type_, tuple(fields), tuple(reader_of(field.type) for field in fields))
    if pa.types.is_list(type_):
        return _List(type_, reader_of(type_.value_type))
    if pa.types.is_map(type_) and pa.types.is_string(type_.key_type):
        return _Map(type_, reader_of(type_.item_type))
    raise ValueError(f"expected a type that JSON can carry, got {type_}")


def kind_of(value: object) -> str:
    """Name a JSON value's kind in plain words, without its content (which may be private)."""
    return _KINDS[type(value)]


def _build(values: Sequence[object], type_: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, type_)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise Mismatch(str(error)) from None


def members(objects: Sequence[dict[str, object]]) -> Callable[[str], list[object] | None]:
    """Return a function that gives, for a name, what each object has under it: None for all when none has it.

    Events of one producer mostly have the same names in the same order; then all objects are taken apart in one go.
    """
    names = list(objects[0]) if objects else []
    # No name occurs twice in an object, so equal sequences of names are equal objects of names.
    if list(chain.from_iterable(objects)) != names * len(objects):
        return lambda name: [one.get(name) for one in objects]
    flat = list(chain.from_iterable(map(dict.values, objects)))
    places = {name: i for i, name in enumerate(names)}
    return lambda name: flat[places[name] :: len(names)] if name in places else None


def _kinds(allowed: frozenset[type], values: Sequence[object]) -> set[type]:
    kinds = set(map(type, values))
    if not kinds <= allowed:
        raise Mismatch
    return kinds


def _all_of(values: Sequence[object], reader: Callable[[object, str], object], place: str) -> list[object]:
    return [None if value is None else reader(value, f"{place}[{i}]") for i, value in enumerate(values)]


@dataclass(frozen=True)
class _Text:
    allowed: frozenset[str]
    listed: tuple[str, ...]

    def column(self, values: Sequence[object]) -> pa.Array:
        texts = _build(values, pa.string())  # of JSON's values it takes texts and null only
        if self.allowed and not set(values) <= self.allowed | {None}:
            raise Mismatch
        return texts

    def value(self, value: object, place: str) -> object:
        if not isinstance(value, str):
            raise Mismatch(f"expected a text in {place}, got {kind_of(value)}")
        if self.allowed and value not in self.allowed:
            raise Mismatch(f"expected one of {', '.join(self.listed)} in {place}, got {_quoted(value)}")
        return value


@dataclass(frozen=True)
class _Truth:
    def column(self, values: Sequence[object]) -> pa.Array:
        return _build(values, pa.bool_())  # takes true, false and null only

    def value(self, value: object, place: str) -> object:
        if not isinstance(value, bool):
            raise Mismatch(f"expected true or false in {place}, got {kind_of(value)}")
        return value


@dataclass(frozen=True)
class _Integer:
    type: pa.DataType

    def column(self, values: Sequence[object]) -> pa.Array:
        _kinds(frozenset({int, _NULL}), values)
        return _build(values, self.type)

    def value(self, value: object, place: str) -> object:
        bits = self.type.bit_width
        whole = isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
        if not whole:
            raise Mismatch(f"expected an integer in {place}, got {_number_or_kind(value)}")
        integer = int(value)  # type: ignore[call-overload]
        if not -(2 ** (bits - 1)) <= integer < 2 ** (bits - 1):
            raise Mismatch(f"expected an integer of at most {bits} bits in {place}, got {_number_or_kind(value)}")
        return integer


@dataclass(frozen=True)
class _Number:
    def column(self, values: Sequence[object]) -> pa.Array:
        _kinds(frozenset({float, int, _NULL}), values)
        return _build(values, pa.float64())

    def value(self, value: object, place: str) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Mismatch(f"expected a number in {place}, got {kind_of(value)}")
        return float(value)


@dataclass(frozen=True)
class _Time:
    def column(self, values: Sequence[object]) -> pa.Array:
        texts = _build(values, pa.string())
        together = "".join([f"{one}\n" for one in values if one is not None])
        # A text with a line break of its own may pass here, and not the cast.
        if not _PLAIN_TIMES.fullmatch(together.encode()):
            raise Mismatch
        try:
            times = texts.cast(TIMESTAMP)
        except pa.ArrowInvalid:
            raise Mismatch from None
        bounds = pc.min_max(times.view(pa.int64()))
        # Years 0 and 10000 (by their offset) are times to Arrow, but not to RFC 3339 or Python.
        if bounds["min"].is_valid and (bounds["min"].as_py() < _FIRST_US or bounds["max"].as_py() > _LAST_US):
            raise Mismatch
        return times

    def value(self, value: object, place: str) -> object:
        if not isinstance(value, str):
            raise Mismatch(f"expected an RFC 3339 time as a text in {place}, got {kind_of(value)}")
        moment = parse_timestamp(value)
        if moment is None:
            if parse_timestamp(value + "Z") is not None:
                raise Mismatch(
                    f"expected a time with its zone in {place}, got {_quoted(value)} without one: "
                    "`produce --timezone` says what zone such times are in"
                )
            raise Mismatch(f"expected an RFC 3339 time in {place}, got {_quoted(value)}")
        return moment


@dataclass(frozen=True)
class _Object:
    type: pa.DataType
    fields: tuple[pa.Field, ...]
    readers: tuple[Reader, ...]

    def column(self, values: Sequence[object]) -> pa.Array:
        kinds = _kinds(frozenset({dict, _NULL}), values)
        objects: list[dict[str, object]] = [one for one in values if one is not None]  # type: ignore[misc]
        of = members(objects)
        children = []
        for field, reader in zip(self.fields, self.readers, strict=True):
            inner = of(field.name)
            children.append(pa.nulls(len(objects), field.type) if inner is None else reader.column(inner))
        array = pa.StructArray.from_arrays(children, fields=list(self.fields))
        return array.take(_places(values)) if _NULL in kinds else array

    def value(self, value: object, place: str) -> object:
        if not isinstance(value, dict):
            raise Mismatch(f"expected an object in {place}, got {kind_of(value)}")
        return {
            field.name: reader.value(value[field.name], f"{place}.{field.name}")
            for field, reader in zip(self.fields, self.readers, strict=True)
            if value.get(field.name) is not None
        }


@dataclass(frozen=True)
class _List:
    type: pa.DataType
    items: Reader

    def column(self, values: Sequence[object]) -> pa.Array:
        kinds = _kinds(frozenset({list, _NULL}), values)
        lists: list[list[object] | None] = list(values)  # type: ignore[arg-type]
        items = self.items.column(list(chain.from_iterable(one for one in lists if one)))
        return pa.ListArray.from_arrays(_offsets(lists, kinds), items, type=self.type)

    def value(self, value: object, place: str) -> object:
        if not isinstance(value, list):
            raise Mismatch(f"expected an array in {place}, got {kind_of(value)}")
        return _all_of(value, self.items.value, place)


@dataclass(frozen=True)
class _Map:
    type: pa.DataType
    items: Reader

    def column(self, values: Sequence[object]) -> pa.Array:
        kinds = _kinds(frozenset({dict, _NULL}), values)
        maps: list[dict[str, object] | None] = list(values)  # type: ignore[arg-type]
        keys = list(chain.from_iterable(one for one in maps if one))
        items = self.items.column(list(chain.from_iterable(one.values() for one in maps if one)))
        return pa.MapArray.from_arrays(_offsets(maps, kinds), pa.array(keys, pa.string()), items, type=self.type)

    def value(self, value: object, place: str) -> object:
        if not isinstance(value, dict):
            raise Mismatch(f"expected an object in {place}, got {kind_of(value)}")
        # The key is a sender's own word of any length: the sentence names the place without it.
        return [(k, None if one is None else self.items.value(one, f"a member of {place}")) for k, one in value.items()]


def _places(values: Sequence[object]) -> pa.Array:
    """Return, for each value, its place among those that are not null; null for a null."""
    null = np.fromiter((value is None for value in values), bool, len(values))
    return pa.array(np.cumsum(~null) - 1, pa.int64(), mask=null)


def _offsets(values: Sequence[list[object] | dict[str, object] | None], kinds: set[type]) -> pa.Array:
    """Return where each value's items begin; null at the begin says that the value itself is null."""
    begins = np.zeros(len(values) + 1, np.int32)
    np.cumsum([len(value) if value else 0 for value in values], out=begins[1:])
    if _NULL not in kinds:
        return pa.array(begins)
    return pa.array(begins, mask=np.array([*(value is None for value in values), False]))


def _quoted(text: str) -> str:
    """Quote the begin of a text in ASCII, so that a sentence stays short and harmless."""
    return ascii(text if len(text) <= 40 else text[:40] + "...")


def _number_or_kind(value: object) -> str:
    return repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else kind_of(value)
