"""Turn a text model's answers into columns of labels."""

from __future__ import annotations

import pyarrow as pa

from models.text_answers import TextAnswers
from schemas.answers import LABEL


def label_column(answers: TextAnswers, head: str) -> pa.StructArray:
    """Return one head's answers as a LABEL column: null where there is none, words null where nobody asked for them."""
    absent = ~answers.present
    best = answers.best(head)
    labels = pa.DictionaryArray.from_arrays(pa.array(best, pa.int32(), mask=absent), pa.array(answers.labels[head]))
    scores = answers.probabilities[head][range(len(best)), best]
    words = answers.words.get(head)
    rows = len(best)
    return pa.StructArray.from_arrays(
        [
            labels.cast(pa.string()),
            pa.array(scores, pa.float64(), mask=absent),
            pa.array([answers.model] * rows, pa.string()),
            pa.nulls(rows, LABEL.field("words").type) if words is None else pa.array(words, LABEL.field("words").type),
        ],
        fields=list(LABEL),
        mask=pa.array(absent),
    )
