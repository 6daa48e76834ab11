"""The figures of one model's rows: numbers and labels of what came in and of what was answered, row by row.

Rows may be those of a running step, with the operators' columns, or those of an enriched topic, with `hubbub` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.reference import place_of
from operators.operator import KeyedOperator, Operator
from schemas.answers import ANOMALY, LABEL
from schemas.sequence_answers import SEQUENCE_ANOMALY

ANSWERS = (LABEL, ANOMALY, SEQUENCE_ANOMALY)
VALUE_OF = "value of "
# Texts are tokenized once more to see what of them the vocabulary does not have. In a running job one in sixteen must
# do: those whose id begins so, which does not depend on where batches are cut.
SAMPLED = "0"
# A figure's name, and its values: float64, or strings where it is labels; nulls are no values.
Figure: TypeAlias = tuple[str, pa.Array]
Wanted: TypeAlias = Callable[[str], bool]


@dataclass(frozen=True)
class FigureReader:
    """Reads figures off the rows that one operator with a model has answered."""

    operator: Any
    answers: tuple[pa.Field, ...]

    @classmethod
    def of(cls, operator: Operator | KeyedOperator, before: pa.Schema) -> FigureReader:
        """Return the reader for an operator that meets columns `before`."""
        added = [one for one in operator.output_schema(before) if one.name not in before.names]
        return cls(operator, tuple(one for one in added if one.type in ANSWERS))

    def read(self, batch: pa.RecordBatch, wanted: Wanted, *, sampled: bool = False) -> Iterator[Figure]:
        """Give the figures whose names are wanted; `sampled` looks at one text in sixteen where looking is dear."""
        if hasattr(self.operator, "texts"):
            yield from self._texts(batch, wanted, sampled=sampled)
        for answer in self.answers:
            name, column = answer.name.removesuffix("_answer"), answer_column(batch, answer.name)
            if answer.type == LABEL:
                yield from _label(name, column)
            elif answer.type == ANOMALY:
                yield from _reading(name, column, batch, wanted)
                yield from self._metrics(batch, wanted)
            else:
                yield f"{name}.score", pc.struct_field(column, "score")
                yield name, pc.cast(pc.struct_field(column, "is_anomaly"), pa.string())
                yield "events", pc.cast(pc.list_value_length(batch.column("events")), pa.float64())

    def _texts(self, batch: pa.RecordBatch, wanted: Wanted, *, sampled: bool) -> Iterator[Figure]:
        texts = self.operator.texts(batch)
        yield "characters", pc.cast(pc.utf8_length(texts), pa.float64())
        if wanted("unknown_tokens"):
            some = texts.filter(pc.starts_with(batch.column("event_id"), SAMPLED)) if sampled else texts
            given = some.drop_null().to_pylist()
            yield "unknown_tokens", pa.array(self.operator.model.unknown_tokens(given) if given else [], pa.float64())

    def _metrics(self, batch: pa.RecordBatch, wanted: Wanted) -> Iterator[Figure]:
        """Of metrics read together: the values of those that the model looks at."""
        for metric in self.operator.model.metrics if "metrics" in batch.schema.names else ():
            if wanted(figure := f"{VALUE_OF}{metric}"):
                yield figure, pc.map_lookup(batch.column("metrics"), pa.scalar(metric), "first")


def _label(name: str, column: pa.StructArray) -> Iterator[Figure]:
    yield name, pc.struct_field(column, "label")
    # What an event said itself was not asked of the model.
    yield f"{name}.score", pc.struct_field(column, "score").filter(pc.is_valid(pc.struct_field(column, "model")))


def _reading(name: str, column: pa.StructArray, batch: pa.RecordBatch, wanted: Wanted) -> Iterator[Figure]:
    """Of a single metric only readings whose series is known count: before, nothing is expected of them."""
    if "value" not in batch.schema.names:
        yield f"{name}.score", pc.struct_field(column, "score")
        yield name, pc.struct_field(column, "kind")
        return
    known = pc.is_valid(pc.struct_field(column, "expected_low"))
    if pc.any(known, min_count=0).as_py():
        column = column.filter(known)
        yield f"{name}.score", pc.struct_field(column, "score")
        yield name, pc.struct_field(column, "kind")
        if wanted("place"):
            value, low, high = (
                one.to_numpy(zero_copy_only=False)
                for one in (
                    batch.column("value").filter(known),
                    *(pc.struct_field(column, f"expected_{end}") for end in ("low", "high")),
                )
            )
            yield "place", pa.array(place_of(value, low, high))
    for metric in batch.column("metric").unique().to_pylist():
        if wanted(figure := f"{VALUE_OF}{metric}"):
            yield figure, batch.column("value").filter(pc.equal(batch.column("metric"), metric))


def answer_column(batch: pa.RecordBatch, name: str) -> pa.Array:
    """Return an operator's column, or what `CollectAnswers` made of it."""
    if name in batch.schema.names:
        return batch.column(name)
    return pc.struct_field(batch.column("hubbub"), name.removesuffix("_answer"))


def numbers_in(values: pa.Array) -> np.ndarray:
    """Return the finite numbers of a figure."""
    numbers = np.asarray(values.drop_null().to_numpy(zero_copy_only=False), dtype=np.float64)
    return numbers[np.isfinite(numbers)]
