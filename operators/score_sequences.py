"""Score sequences: how odd each whole sequence of events is, and which events make it so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from models.sequence_model import SequenceModel
from operators.columns import require, with_columns, with_fields
from schemas.sequence_answers import SEQUENCE_ANOMALY

_FIELD = pa.field("anomaly", SEQUENCE_ANOMALY)


@dataclass(frozen=True)
class ScoreSequences:
    """Reads `events` (list of strings). Adds `anomaly` (struct).

    `score` in [0, 1]: the probability that the sequence is abnormal where the model learnt from labels, else the share
    of normal sequences that are less surprising; `is_anomaly`, whether it is beyond the model's limit; `because`, at
    most ten events that are `missing`, `extra` or `misplaced` beside the most similar normal sequence, empty for what
    is no anomaly; `model`, the identity of what answered. A null or empty list gives null; a null event in it is the
    event "".
    """

    model: SequenceModel
    name: str = "score_sequences"

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Add `anomaly`."""
        require(self.name, schema, "events", pa.list_(pa.string()))
        return with_fields(self.name, schema, [_FIELD])

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Judge the rows together."""
        return with_columns(batch, [_FIELD], [sequence_anomalies(self.model, batch.column("events").to_pylist())])


def sequence_anomalies(model: SequenceModel, sequences: Sequence[Sequence[str | None] | None]) -> pa.StructArray:
    """Return a column of `SEQUENCE_ANOMALY`; null for a sequence that is null or empty."""
    present = [[event or "" for event in one] for one in sequences if one]
    answers = iter(model.answer(present))
    identity = model.identity if present else None
    rows = []
    for one in sequences:
        answer = next(answers) if one else None
        rows.append(
            None
            if answer is None
            else {
                "score": answer.score,
                "is_anomaly": answer.is_anomaly,
                "because": [{"kind": why.kind, "event": why.event, "at": why.at} for why in answer.because],
                "model": identity,
            }
        )
    return pa.array(rows, SEQUENCE_ANOMALY)
