"""Classify text: ask a text model some of its questions about each row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from models.text_model import TextModel
from operators.columns import require, with_columns, with_fields
from operators.label_columns import label_column
from schemas.answers import LABEL


def filled(column: pa.Array) -> pa.Array:
    """Return a string column with null in place of what is empty or blank."""
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(column), ""), pa.scalar(None, pa.string()), column)


def check_heads(operator: str, model: TextModel, heads: tuple[str, ...], explain: tuple[str, ...]) -> None:
    """Raise ValueError unless the model answers these heads and only asked ones are explained."""
    unknown = [head for head in heads if head not in model.heads]
    if unknown:
        raise ValueError(f"operator {operator}: expected heads of {model!r} ({', '.join(model.heads)}), got {unknown}")
    unasked = [head for head in explain if head not in heads]
    if unasked:
        raise ValueError(f"operator {operator}: expected explain to be among {', '.join(heads)}, got {unasked}")


@dataclass(frozen=True)
class ClassifyText:
    """Label each row's text with the most probable label of each head.

    Reads the string columns `text`; those of a row that are not blank are joined by `between` and read as one text.
    Where `needs` names columns, one of them must not be blank. Adds one LABEL column a head, named like the head
    (`label`; `score`, that label's probability in [0, 1]; `model`; `words`, only for the heads in `explain`). A row
    without text gets null: no words, no opinion.
    """

    model: TextModel
    heads: tuple[str, ...]
    text: tuple[str, ...] = ("text",)
    between: str = " "
    needs: tuple[str, ...] = ()
    explain: tuple[str, ...] = ()
    name: str = "classify_text"

    def __post_init__(self) -> None:
        """Refuse heads that the model does not have, and needed columns that are not read."""
        check_heads(self.name, self.model, self.heads, self.explain)
        if not self.text or not set(self.needs) <= set(self.text):
            raise ValueError(f"operator {self.name}: expected needs to be among {self.text}, got {self.needs}")

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Add one LABEL column a head."""
        for column in self.text:
            require(self.name, schema, column, pa.string())
        return with_fields(self.name, schema, [pa.field(head, LABEL) for head in self.heads])

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Ask the model once for all rows."""
        answers = self.model.predict(self.texts(batch).to_pylist(), self.explain)
        fields = [pa.field(head, LABEL) for head in self.heads]
        return with_columns(batch, fields, [label_column(answers, head) for head in self.heads])

    def texts(self, batch: pa.RecordBatch) -> pa.Array:
        """Return the text that each row is read as, null where it has none."""
        parts = {column: filled(batch.column(column)) for column in self.text}
        texts = reduce(self._joined, parts.values())
        if not self.needs:
            return texts
        there = reduce(pc.or_, (pc.is_valid(parts[column]) for column in self.needs))
        return pc.if_else(there, texts, pa.scalar(None, pa.string()))

    def _joined(self, left: pa.Array, right: pa.Array) -> pa.Array:
        # Not `null_handling="skip"`: Arrow 25 then drops the rows in which everything is null.
        return pc.coalesce(pc.binary_join_element_wise(left, right, self.between), left, right)


def understand_logs(model: TextModel, explain: tuple[str, ...] = ()) -> ClassifyText:
    """Return the operator that says what a log line is about (`category`) and whether something is wrong (`abnormal`).

    It reads `component: message`; a row without message has no answer.
    """
    return ClassifyText(
        model, ("category", "abnormal"), ("component", "message"), ": ", ("message",), explain, "understand_logs"
    )


def understand_alarms(model: TextModel, explain: tuple[str, ...] = ()) -> ClassifyText:
    """Return the operator that says what an alarm is about (`category`) and how bad it is (`severity`).

    It reads `code text`, or whichever of them the alarm has.
    """
    return ClassifyText(model, ("category", "severity"), ("code", "text"), " ", (), explain, "understand_alarms")
