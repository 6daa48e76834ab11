"""All labels' probabilities beside the answers: a model that remembers what it said, and an operator that writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from models.text_answers import TextAnswers
from models.text_model import TextModel
from operators.columns import with_columns, with_fields
from operators.operator import KeyedOperator, Operator
from schemas.answers import LABEL

SUFFIX = "_probabilities"


class RememberingModel(TextModel):
    """A text model that keeps what it answered last, all labels of it: operators write down only the best."""

    last: TextAnswers | None = None

    def predict(self, texts: Sequence[str | None], explain: Sequence[str] = ()) -> TextAnswers:
        """Answer as the model does, and keep the answers until the next call."""
        self.last = super().predict(texts, explain)
        return self.last


def head_of(answer_column: str) -> str:
    """Return the model's head behind an operator's column (see operators/collect_answers.py)."""
    return answer_column.removesuffix("_answer")


def labels_of(operator: Operator | KeyedOperator, schema: pa.Schema) -> list[str]:
    """Return the names of the LABEL columns that an operator adds to rows of this schema."""
    added = operator.output_schema(schema)
    return [field.name for field in added if field.name not in schema.names and field.type == LABEL]


@dataclass(frozen=True)
class WithProbabilities:
    """Does what `inner` does, and writes all labels' probabilities beside each label.

    Adds to each LABEL column of `inner` a column `<column>_probabilities` (list of float64, in the order of the model's
    labels; NaN in a row without text).
    """

    inner: Operator
    model: RememberingModel

    @property
    def name(self) -> str:
        """The name of what it wraps: in errors and ids it is the same operator."""
        return self.inner.name

    def _fields(self, schema: pa.Schema) -> list[pa.Field]:
        heads = self.model.heads
        return [
            pa.field(f"{column}{SUFFIX}", pa.list_(pa.float64(), len(heads[head_of(column)])))
            for column in labels_of(self.inner, schema)
        ]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Add the columns of `inner`, then the probabilities."""
        return with_fields(self.name, self.inner.output_schema(schema), self._fields(schema))

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Ask `inner`, and write down what its model said about the same rows."""
        self.model.last = None
        answered = self.inner.process(batch)
        said = self.model.last
        assert said is not None and len(said.present) == batch.num_rows, (
            f"operator {self.name} does not ask its model once about all rows; this is a bug"
        )
        added = self._fields(batch.schema)
        columns = [
            pa.FixedSizeListArray.from_arrays(
                pa.array(np.ravel(said.probabilities[head_of(field.name.removesuffix(SUFFIX))])), field.type.list_size
            )
            for field in added
        ]
        return with_columns(answered, added, columns)


def with_options(
    operators: Sequence[Operator | KeyedOperator], schema: pa.Schema, model: TextModel, *, explain: bool
) -> tuple[Operator | KeyedOperator, ...]:
    """Return a pipeline's operators, told to explain all their labels or none, and to keep what a model remembers."""
    found: list[Operator | KeyedOperator] = []
    for operator in operators:
        asked: Any = operator
        if getattr(operator, "model", None) is model:
            asked = replace(asked, explain=tuple(map(head_of, labels_of(operator, schema))) if explain else ())
            if isinstance(model, RememberingModel):
                asked = WithProbabilities(asked, model)
        found.append(asked)
        schema = found[-1].output_schema(schema)
    return tuple(found)
