"""What is expected of a topic's rows: one set, from which the hot checks and the cold suite are made.

What a schema declares (required columns, closed lists of values) is expected of every row, and the codec refuses a row
that breaks it. What is only usual (a reading within what its unit allows, texts that say something) holds for most
rows; a row that breaks it is a row all the same, and what is counted is how many there are.

`broken` counts on Arrow columns, well under a millisecond a thousand rows (hot); pipelines/replay/quality/ gives the
same set to Great Expectations over windows of a history (cold).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from schemas.catalog import ENRICHED, INPUTS
from schemas.closed_values import closed_values
from schemas.topic import Topic

Kind = Literal["filled", "one of", "between", "length", "unique"]

# Seconds by which an event lies ahead of its arrival: a column of no topic, worked out from two of them.
AHEAD_S: Final = "ahead_s"


@dataclass(frozen=True, slots=True)
class Expectation:
    """One statement about one column; a null breaks only `filled`.

    `column` is a path such as `hubbub.category.score`, or AHEAD_S. `one of` goes by `values`; `between` by `low` and
    `high`, inclusive, None for no bound; `length` by the same, in characters. `only_where` (column, value) leaves the
    other rows out. `mostly` is the least share of rows that must keep it. `declared`: by the schema, so the codec
    refuses what breaks it.
    """

    column: str
    kind: Kind
    values: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    only_where: tuple[str, str] | None = None
    mostly: float = 1.0
    declared: bool = False

    def __str__(self) -> str:
        """Say it in words.

        >>> str(Expectation("value", "between", low=0, high=100, only_where=("unit", "%")))
        'value is between 0 and 100 where unit is %'
        """
        low, high = ("" if bound is None else f"{bound:g}" for bound in (self.low, self.high))
        bounds = f"between {low} and {high}" if low and high else f"at least {low}" if low else f"at most {high}"
        said = {
            "filled": f"{self.column} is there",
            "one of": f"{self.column} is one of {', '.join(self.values)}",
            "between": f"{self.column} is {bounds}",
            "length": f"{self.column} has {bounds} characters",
            "unique": f"{self.column} occurs once",
        }[self.kind]
        where = "" if self.only_where is None else f" where {self.only_where[0]} is {self.only_where[1]}"
        return f"{said}{where}" + (f" (in {100 * self.mostly:g} % of the rows)" if self.mostly < 1 else "")


# What a unit allows at all (UCUM codes): outside of it no sensor reads, it is broken or names the wrong unit.
_UNITS: Final = {
    "Cel": (-273.15, 3000.0), "K": (0.0, 3300.0), "[degF]": (-459.67, 5500.0), "%": (0.0, 100.0), "Hz": (0.0, None),
    "lx": (0.0, None), "[ppm]": (0.0, 1e6), "dB[SPL]": (-20.0, 200.0),
}  # fmt: skip

_OF_EVERY_INPUT: Final = (
    Expectation("device_id", "length", low=1, high=256),
    Expectation("event_id", "unique"),
    Expectation(AHEAD_S, "between", high=300.0),
)
_OF_TOPIC: Final = {
    "device.logs": (
        Expectation("message", "filled", mostly=0.99),
        Expectation("message", "length", low=1, high=32_768, mostly=0.99),
    ),
    "customer.messages": (
        Expectation("text", "filled", mostly=0.98),
        Expectation("text", "length", low=1, high=10_000, mostly=0.99),
        Expectation("language", "length", low=2, high=35),
    ),
    "alarms": (
        Expectation("text", "filled", mostly=0.9),
        Expectation("perceived_severity", "filled", mostly=0.5),
    ),
    "device.telemetry": (
        Expectation("metric", "length", low=1, high=100),
        Expectation("value", "filled", mostly=0.95),
        Expectation("value", "between", low=-1e12, high=1e12),
        *(
            Expectation("value", "between", low=low, high=high, only_where=("unit", unit))
            for unit, (low, high) in _UNITS.items()
        ),
    ),
}
_SHARES: Final = frozenset({"score", "novelty"})


def expectations(topic: Topic) -> tuple[Expectation, ...]:
    """Return all that is expected of a topic's rows, what its schema declares first."""
    of_kind = _OF_EVERY_INPUT if topic in (*INPUTS, *ENRICHED) else ()
    own = _OF_TOPIC.get(topic.name.removesuffix(".enriched"), ())
    return (*declared(topic), *of_kind, *own, *_shares(topic))


def declared(topic: Topic) -> tuple[Expectation, ...]:
    """Return what the schema itself says of every row."""
    found = []
    for column in topic.schema:
        if not column.nullable:
            found.append(Expectation(column.name, "filled", declared=True))
        if values := closed_values(column):
            found.append(Expectation(column.name, "one of", values=tuple(values), declared=True))
    return tuple(found)


def broken(batch: pa.RecordBatch, expectation: Expectation) -> tuple[int, int]:
    """Return how many rows an expectation is about, and how many of them break it."""
    column = column_at(batch, expectation.column)
    if expectation.only_where is not None:
        path, value = expectation.only_where
        column = column.filter(pc.fill_null(pc.equal(column_at(batch, path), value), False))
    if expectation.kind == "filled":
        return len(column), column.null_count
    known = len(column) - column.null_count
    if not known:
        return len(column), 0
    if expectation.kind == "unique":
        return len(column), known - pc.count_distinct(column).as_py()
    if expectation.kind == "one of":
        kept = pc.is_in(column, value_set=pa.array(expectation.values, column.type), skip_nulls=True)
        return len(column), known - (pc.sum(kept).as_py() or 0)
    extremes = pc.min_max(pc.utf8_length(column) if expectation.kind == "length" else column).as_py()
    low, high = expectation.low, expectation.high
    if (low is None or extremes["min"] >= low) and (high is None or extremes["max"] <= high):
        return len(column), 0  # as nearly always; two numbers say so
    if expectation.kind == "length":
        column = pc.utf8_length(column)
    outside = pa.scalar(False)
    if low is not None:
        outside = pc.less(column, low)
    if high is not None:
        above = pc.greater(column, high)
        outside = above if low is None else pc.or_(outside, above)
    return len(column), pc.sum(outside).as_py() or 0


def column_at(batch: pa.RecordBatch, path: str) -> pa.Array:
    """Return the column at a dotted path, or the seconds by which events lie ahead of their arrival."""
    if path == AHEAD_S:
        apart = pc.subtract(*(batch.column(name).view(pa.int64()) for name in ("event_time", "received_at")))
        return pc.divide(apart.cast(pa.float64()), 1e6)
    first, *rest = path.split(".")
    column = batch.column(first)
    return pc.struct_field(column, rest) if rest else column


def _shares(topic: Topic) -> Iterator[Expectation]:
    """Scores, wherever they stand in the answers, are shares."""
    for column in topic.schema:
        if pa.types.is_struct(column.type):
            for path in _paths(column.type, [column.name]):
                if path[-1] in _SHARES:
                    yield Expectation(".".join(path), "between", low=0.0, high=1.0)


def _paths(type_: pa.DataType, before: Sequence[str]) -> Iterator[list[str]]:
    for field in type_:
        path = [*before, field.name]
        if pa.types.is_struct(field.type):
            yield from _paths(field.type, path)
        else:
            yield path
