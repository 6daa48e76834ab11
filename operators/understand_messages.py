"""Understand messages: in which language a customer writes, what about, in what mood, and how urgent it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.text_model import TextModel
from operators.classify_text import check_heads, filled
from operators.columns import require, with_columns, with_fields
from operators.label_columns import label_column
from schemas.answers import LABEL

LANGUAGE = "language"
UNDETERMINED = "und"
_JUDGED = ("sentiment", "topic", "urgency")
# BCP 47 primary subtag -> the language that the model reads.
_READ = {"en": "en", "zh": "zh-CN"}


def read_language(tag: str) -> str:
    """Return the language that the model reads for a BCP 47 tag, `und` for any other.

    >>> read_language("en-GB"), read_language("zh-Hant-TW"), read_language("fr")
    ('en', 'zh-CN', 'und')
    """
    return _READ.get(tag.strip().replace("_", "-").split("-", 1)[0].lower(), UNDETERMINED)


@dataclass(frozen=True)
class UnderstandMessages:
    """Label each message's language, sentiment, topic and urgency.

    Reads `text` (string) and, where the rows have it, `language` (string, BCP 47). Adds `language_answer`, `sentiment`,
    `topic` and `urgency`, LABEL columns. A language that the message came with stands, with score 1 and no model; else
    it is the model's guess. In a language other than English and Chinese (`und`) the other three are null. A null or
    blank text gives null for all four.
    """

    model: TextModel
    explain: tuple[str, ...] = ()
    name: str = "understand_messages"

    def __post_init__(self) -> None:
        """Refuse a model without these heads."""
        check_heads(self.name, self.model, (LANGUAGE, *_JUDGED), self.explain)

    @property
    def _fields(self) -> list[pa.Field]:
        return [pa.field("language_answer", LABEL), *(pa.field(head, LABEL) for head in _JUDGED)]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Add the four LABEL columns."""
        require(self.name, schema, "text", pa.string())
        if LANGUAGE in schema.names:
            require(self.name, schema, LANGUAGE, pa.string())
        return with_fields(self.name, schema, self._fields)

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Ask the model once for all rows in a language that it reads."""
        texts = self.texts(batch)
        given = self._given(batch)
        foreign = pc.fill_null(pc.equal(given, UNDETERMINED), False)
        answers = self.model.predict(pc.if_else(foreign, pa.scalar(None, pa.string()), texts).to_pylist(), self.explain)
        guessed = label_column(answers, LANGUAGE)
        told = self._told(pc.if_else(pc.is_valid(texts), given, pa.scalar(None, pa.string())))
        language = pc.coalesce(told, guessed)
        read = pc.fill_null(pc.not_equal(pc.struct_field(language, "label"), UNDETERMINED), False)
        nothing = pa.scalar(None, LABEL)
        judged = [pc.if_else(read, label_column(answers, head), nothing) for head in _JUDGED]
        return with_columns(batch, self._fields, [language, *judged])

    def texts(self, batch: pa.RecordBatch) -> pa.Array:
        """Return the text that each row is read as, null where it has none."""
        return filled(batch.column("text"))

    def _given(self, batch: pa.RecordBatch) -> pa.Array:
        """The language that each message came with, as the model reads it; null where it came with none."""
        if LANGUAGE not in batch.schema.names:
            return pa.nulls(batch.num_rows, pa.string())
        tags = filled(batch.column(LANGUAGE)).dictionary_encode()
        read = pa.array([read_language(tag) for tag in tags.dictionary.to_pylist()], pa.string())
        return pa.DictionaryArray.from_arrays(tags.indices, read).cast(pa.string())

    def _told(self, given: pa.Array) -> pa.StructArray:
        rows = len(given)
        return pa.StructArray.from_arrays(
            [
                given,
                pa.array(np.ones(rows)),
                pa.nulls(rows, pa.string()),
                pa.nulls(rows, LABEL.field("words").type),
            ],
            fields=list(LABEL),
            mask=pc.is_null(given),
        )
