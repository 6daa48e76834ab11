"""Collect answers: the columns that operators added become the one column `hubbub` of an enriched event."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from operators.columns import require, with_columns, with_fields
from schemas.answers import INPUT
from schemas.topic import Topic


def answer_column(topic: Topic, answer: str) -> str:
    """Name the operator's column that becomes this answer: its own name, or `<answer>_answer`.

    The second where the event has a column of that name itself: a customer message says its `language`, and the answer
    about it is called the same.
    """
    return f"{answer}_answer" if answer in topic.schema.names else answer


@dataclass(frozen=True)
class CollectAnswers:
    """Gather the answers of the operators before it into the struct `hubbub` that `topic` declares.

    Reads one column for each answer that `topic.hubbub` names (see `answer_column`), plus `event_id`, `origin` and
    `late`. Adds `hubbub`: the answers under their names, `input` (the event's own id and place) and `late`. An answer
    is null where its operator gave none.
    """

    topic: Topic
    name: str = "collect_answers"

    @property
    def _answers(self) -> list[pa.Field]:
        struct = self.topic.schema.field("hubbub").type
        return [struct.field(i) for i in range(struct.num_fields) if struct.field(i).name not in ("input", "late")]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Add `hubbub`; every answer must be there with its declared type."""
        for field in self._answers:
            require(self.name, schema, answer_column(self.topic, field.name), field.type)
        return with_fields(self.name, schema, [self.topic.schema.field("hubbub")])

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Build `hubbub` without copying the answers."""
        origin = batch.column("origin")
        place = [pc.struct_field(origin, field.name) for field in list(INPUT)[1:]]
        source = pa.StructArray.from_arrays([batch.column("event_id"), *place], fields=list(INPUT))
        answers = self._answers
        struct = pa.StructArray.from_arrays(
            [source, batch.column("late"), *(batch.column(answer_column(self.topic, field.name)) for field in answers)],
            fields=[pa.field("input", INPUT), pa.field("late", pa.bool_()), *answers],
        )
        return with_columns(batch, [self.topic.schema.field("hubbub")], [struct])
