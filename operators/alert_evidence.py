"""Evidence of alerts: what in a row counted, read column by column for the few rows that matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import pyarrow as pa

from operators.alert_memory import Evidence
from operators.alert_rule import Source
from operators.condition import column_at, type_of_path
from schemas.safe_text import safe_text

# Bounds of what is kept of one event; the event itself is where its id, topic, partition and offset say.
MOST_TEXT_CHARACTERS: Final = 300
MOST_WORDS: Final = 8
MOST_WORD_CHARACTERS: Final = 40

# Where each source keeps what an alert shows, beside the answer; the first path that is not null counts.
_COLUMNS: Final[dict[Source, dict[str, tuple[str, ...]]]] = {
    "log": {
        "text": ("message",),
        "template": ("hubbub.template",),
        "template_id": ("hubbub.template_id",),
    },
    "message": {"text": ("text",)},
    "alarm": {"text": ("text", "code")},
    "telemetry": {"metric": ("metric",), "value": ("value",)},
    "forecast": {},
    "silence": {"text": ("template",), "template": ("template",), "template_id": ("template_id",)},
}
_INPUT: Final = ("event_id", "topic", "partition", "offset")
# Fields of an answer: those of a label, and those of an anomaly, whose `kind` is its label.
_ANSWER: Final = {
    "label": ("label", "kind"),
    "score": ("score",),
    "words": ("words",),
    "model": ("model",),
    "expected_low": ("expected_low",),
    "expected_high": ("expected_high",),
    # Those of an odd number of a log line.
    "metric": ("metric",),
    "value": ("value",),
}


def source_of(schema: pa.Schema) -> Source | None:
    """Tell by its own columns which source a batch of enriched rows comes from; None for another kind of rows."""
    names = set(schema.names)
    if not {"hubbub", "event_time", "device_id"} <= names:
        return None
    if schema.field("hubbub").type.get_field_index("forecast") >= 0:
        return "forecast"
    if schema.field("hubbub").type.get_field_index("silence") >= 0:
        return "silence"
    if {"metric", "value"} <= names:
        return "telemetry"
    if {"code", "perceived_severity"} <= names:
        return "alarm"
    if {"text", "channel"} <= names:
        return "message"
    return "log" if "message" in names else None


def check_evidence(source: Source, schema: pa.Schema) -> None:
    """Raise ValueError when a column that evidence is read from is missing."""
    for path in (*(f"hubbub.input.{name}" for name in _INPUT), *(p for ps in _COLUMNS[source].values() for p in ps)):
        type_of_path(schema, path)


def read_evidence(source: Source, rows: pa.RecordBatch, answer: str) -> Callable[[int], Evidence]:
    """Read the evidence of these rows of a source, with the answer at this path; return a function from row to it.

    Texts are made safe and cut; numbers that are not finite cannot occur (the codec refuses them).
    """
    columns: dict[str, list[Any]] = {name: _first(rows, paths) for name, paths in _COLUMNS[source].items()}
    type_ = type_of_path(rows.schema, answer)
    known = {field.name for field in type_}
    for name, fields in _ANSWER.items():
        if paths := [f"{answer}.{field}" for field in fields if field in known]:
            columns[name] = _first(rows, paths)
    columns |= {name: column_at(rows, f"hubbub.input.{name}").to_pylist() for name in _INPUT}
    if "traceparent" in rows.schema.names:
        columns["traceparent"] = rows.column("traceparent").to_pylist()
    columns["event_time"] = rows.column("event_time").view(pa.int64()).to_pylist()
    items = list(columns.items())

    def evidence(row: int) -> Evidence:
        fields = {name: values[row] for name, values in items}
        for name in ("text", "template", "metric", "label"):
            if (text := fields.get(name)) is not None:
                fields[name] = safe_text(text, MOST_TEXT_CHARACTERS)
        if words := fields.get("words"):
            fields["words"] = [safe_text(word, MOST_WORD_CHARACTERS) for word in words[:MOST_WORDS] if word is not None]
        return Evidence(**fields)

    return evidence


def _first(rows: pa.RecordBatch, paths: Sequence[str]) -> list[Any]:
    values: list[Any] = column_at(rows, paths[0]).to_pylist()
    for path in paths[1:]:
        if None not in values:
            break
        other = column_at(rows, path).to_pylist()
        values = [other[i] if value is None else value for i, value in enumerate(values)]
    return values
