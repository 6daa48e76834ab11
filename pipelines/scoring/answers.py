"""Answer columns to JSON: the keys of the table in command-line.md, and what a person asked for beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from pipelines.scoring.probabilities import SUFFIX, head_of
from pipelines.scoring.task import Asked
from schemas.answers import ANOMALY, LABEL
from schemas.sequence_answers import SEQUENCE_ANOMALY


def json_answers(
    batch: pa.RecordBatch, columns: Sequence[str], labels: Mapping[str, Sequence[str]], asked: Asked
) -> list[list[object]]:
    """Return each row's answers in the order of `columns`; `labels` are those of the model, by head."""
    found = []
    for name in columns:
        column = batch.column(name)
        if column.type == LABEL:
            probabilities = batch.column(name + SUFFIX).to_pylist() if asked.probabilities else None
            found.append(_labels(column, probabilities, labels.get(head_of(name), ()), asked))
        elif column.type in (ANOMALY, SEQUENCE_ANOMALY):
            found.append(_anomalies(column, asked))
        elif pa.types.is_map(column.type):
            found.append([None if one is None else dict(one) for one in column.to_pylist()])
        else:
            found.append(column.to_pylist())
    return [list(row) for row in zip(*found, strict=True)]


def _labels(
    column: pa.StructArray, probabilities: Sequence[Sequence[float]] | None, labels: Sequence[str], asked: Asked
) -> list[object]:
    answers: list[object] = []
    for row, said in enumerate(column.to_pylist()):
        if said is None:
            answers.append(None)
            continue
        answer = {"label": said["label"], "score": said["score"]}
        if probabilities is not None:
            # What the event itself said (its language) was not asked of the model.
            told = said["model"] is None
            values = [float(label == said["label"]) for label in labels] if told else probabilities[row]
            answer["probabilities"] = dict(zip(labels, values, strict=True))
        if asked.provenance:
            answer["model"] = said["model"]
        if asked.explain:
            answer["words"] = said["words"] or []
        answers.append(answer)
    return answers


def _anomalies(column: pa.StructArray, asked: Asked) -> list[object]:
    answers: list[object] = column.to_pylist()
    for answer in answers:
        if isinstance(answer, dict):
            if answer.get("gap_s") is None:  # most readings follow on no gap
                answer.pop("gap_s", None)
            if not asked.provenance:
                answer.pop("model", None)
    return answers
