"""The memory of a key: one record that holds the state row of every keyed operator of a pipeline.

One record, so that a crash never leaves one operator ahead of another. It is msgpack: operator name to
[version, values in the order of its state schema]; timestamps are integers, microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from infra.broker import BrokerMismatch, StateRow
from operators.operator import KeyedOperator

# The engine's own entry in a key's record, beside its operators: events delivered lately, and until when (see
# repeated_events.py). No operator is called so.
DELIVERED = "_delivered"
DELIVERED_VERSION = 1
NEVER_US = -(1 << 63)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, tuple[int, list[Any]]]).decode

Load = Callable[[Sequence[str]], list[bytes | None]]


class BrokenContract(TypeError):
    """An operator gave back what no operator may: no row is to blame, so the job stops."""


class StateRows:
    """The memory of the keys that one step of work touches: loaded once, changed by operators, written at the end."""

    def __init__(self, operators: Sequence[KeyedOperator], load: Load) -> None:
        self._operators = {operator.name: operator for operator in operators}
        self._schemas = {operator.name: operator.state_schema for operator in operators}
        self._load = load
        self._rows: dict[str, dict[str, tuple[int, list[Any]]]] = {}
        self._changed: set[str] = set()

    @property
    def is_empty(self) -> bool:
        """Whether no key's memory was loaded."""
        return not self._rows

    def copy(self) -> StateRows:
        """Return a copy whose changes do not show here; a batch that fails is thrown away with its copy."""
        other = StateRows(list(self._operators.values()), self._load)
        other._rows = {key: dict(row) for key, row in self._rows.items()}
        other._changed = set(self._changed)
        return other

    def fetch(self, keys: Sequence[str]) -> None:
        """Load the memory of these keys unless it is here already."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._rows]
        for key, value in zip(missing, self._load(missing) if missing else [], strict=True):
            self.put(key, value)

    def put(self, key: str, value: bytes | None) -> None:
        """Take a key's memory as it was stored."""
        self._rows.setdefault(key, {} if value is None else self._checked(key, value))

    def batch(self, operator: KeyedOperator, keys: Sequence[str]) -> pa.RecordBatch:
        """Return an operator's states of these keys, one row each; nulls for a key without."""
        schema = self._schemas[operator.name]
        empty = [None] * len(schema)
        rows = [self._rows[key].get(operator.name, (0, empty))[1] for key in keys]
        # A time is stored as its microseconds, which Arrow takes for one.
        columns = [pa.array([row[i] for row in rows], field.type) for i, field in enumerate(schema)]
        return pa.RecordBatch.from_arrays(columns, schema=schema) if len(schema) else _no_columns(schema, len(keys))

    def update(self, operator: KeyedOperator, keys: Sequence[str], states: pa.RecordBatch) -> None:
        """Take an operator's new states; they must be of its schema and of these keys, in order."""
        if states.schema != self._schemas[operator.name] or states.num_rows != len(keys):
            raise BrokenContract(
                f"operator {operator.name}: expected {len(keys)} states of {operator.state_schema.names}, "
                f"got {states.num_rows} of {states.schema.names}; this is a bug of the operator"
            )
        columns = [_stored(column).to_pylist() for column in states.columns]
        for i, key in enumerate(keys):
            values = [column[i] for column in columns]
            if all(value is None for value in values):
                self._rows[key].pop(operator.name, None)
            else:
                self._rows[key][operator.name] = (operator.version, values)
        self._changed.update(keys)

    def delivered(self, key: str) -> tuple[bytes, int]:
        """Return what the engine remembers of a key's events, and until when in microseconds; fetch the key first."""
        ids, until_us = self._rows[key].get(DELIVERED, (0, [b"", NEVER_US]))[1]
        return ids, until_us

    def remember_delivered(self, key: str, ids: bytes, until_us: int) -> None:
        """Take what the engine remembers of a key's events."""
        self._rows[key][DELIVERED] = (DELIVERED_VERSION, [ids, until_us])
        self._changed.add(key)

    def due(self, operator: KeyedOperator, watermark_us: int) -> list[str]:
        """Return the keys here whose deadline of this operator has come, by (deadline, key)."""
        column = self._schemas[operator.name].get_field_index("deadline")
        if column < 0:
            return []
        found = []
        for key, row in self._rows.items():
            deadline = row[operator.name][1][column] if operator.name in row else None
            if deadline is not None and deadline <= watermark_us:
                found.append((deadline, key))
        return [key for _, key in sorted(found)]

    def changes(self) -> list[StateRow]:
        """Return what is to be written, by key."""
        return [self._record(key) for key in sorted(self._changed)]

    def _record(self, key: str) -> StateRow:
        row = self._rows[key]
        if not row:
            return StateRow(key, None)
        deadlines = self._times(row, "deadline")
        expiries = self._times(row, "expires_at")
        # The record may go only when every operator's memory may.
        expires = max(expiries) if len(expiries) == len(row) else None
        ordered = {name: row[name] for name in sorted(row)}
        return StateRow(key, _encode(ordered), min(deadlines, default=None), expires)

    def _times(self, row: dict[str, tuple[int, list[Any]]], column: str) -> list[int]:
        times = []
        for name, (_, values) in row.items():
            if name == DELIVERED:
                times += [values[1]] if column == "expires_at" else []
                continue
            place = self._schemas[name].get_field_index(column)
            if place >= 0 and (value := values[place]) is not None:
                times.append(value)
        return times

    def _checked(self, key: str, value: bytes) -> dict[str, tuple[int, list[Any]]]:
        row = _decode(value)
        for name, (version, _) in row.items():
            operator = self._operators.get(name)
            if name == DELIVERED and version == DELIVERED_VERSION:
                continue
            if operator is None or operator.version != version:
                known = "no such operator" if operator is None else f"version {operator.version}"
                raise BrokerMismatch(
                    f"memory of key {key!r} was written by operator {name} version {version}, here is {known}; "
                    "run it with the hubbub that wrote it, or under another --group"
                )
        return row


def _stored(column: pa.Array) -> pa.Array:
    return column.view(pa.int64()) if pa.types.is_timestamp(column.type) else column


def _no_columns(schema: pa.Schema, rows: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))
