"""JSON Schemas of the topics, made from their declarations: they give an event's value the codec's own verdict.

`python -m schemas.json_schema` writes one file a topic into schemas/json/; a test checks that they are up to date.
What a schema cannot say the codec checks beside it: that key and value name the same device, integers beyond 64 bits in
unknown fields, bounds on size and nesting.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from schemas.catalog import TOPICS
from schemas.json_codec import ANSWERS
from schemas.topic import TIMESTAMP, Topic

FOLDER: Final = Path(__file__).parent / "json"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

# RFC 3339 with its zone. `format` alone is only a remark to many validators.
_TIME: Final = (
    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)"
    "(\\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)


def json_schema(topic: Topic) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a topic's values; ValueError for a topic of raw bytes.

    The key and the event time are not required in a value, because the record's key and headers may say them.
    """
    if topic.content != "json":
        raise ValueError(f"expected a topic whose content is JSON, got {topic.name} ({topic.content})")
    elsewhere = {
        topic.key: "missing or null: the record's key",
        topic.event_time: "missing or null: header ce_time, else when the record was appended",
    }
    properties: dict[str, Any] = {}
    for column in topic.schema:
        properties[column.name] = _column(column, optional=column.nullable or column.name in elsewhere)
        if column.name in elsewhere:
            properties[column.name]["description"] += f" ({elsewhere[column.name]})"
    if ANSWERS not in properties:
        properties[ANSWERS] = {"description": "reserved for what hubbub adds", "not": {}}
    return {
        "$schema": DIALECT,
        "$id": topic.dataschema,
        "title": topic.name,
        "description": topic.description,
        "type": "object",
        "properties": properties,
        "required": [column.name for column in topic.schema if not column.nullable and column.name not in elsewhere],
        # Unknown fields pass through to the output, so that a producer may add some before hubbub knows them.
        "additionalProperties": True,
    }


def write(folder: Path) -> None:
    """Write the schema of each topic whose content is JSON."""
    folder.mkdir(exist_ok=True)
    for topic in TOPICS.values():
        if topic.content == "json":
            (folder / file_name(topic)).write_text(file_text(topic), encoding="utf-8")


def file_name(topic: Topic) -> str:
    """Name of a topic's file: a change that is not additive makes a new one."""
    return f"{topic.name}.v{topic.major}.json"


def file_text(topic: Topic) -> str:
    """Text of a topic's file."""
    return json.dumps(json_schema(topic), indent=2, ensure_ascii=False) + "\n"


def _column(column: pa.Field, *, optional: bool) -> dict[str, Any]:
    metadata = {name.decode(): value.decode() for name, value in (column.metadata or {}).items()}
    schema = _value(column.type, optional=optional)
    if "values" in metadata:
        schema["enum"] = [*metadata["values"].split("\n"), *([None] if optional else [])]
    if "description" in metadata:
        schema["description"] = metadata["description"]
    if "example" in metadata:
        text = metadata["example"]
        schema["examples"] = [text if pa.types.is_string(column.type) or column.type == TIMESTAMP else json.loads(text)]
    return schema


def _value(type_: pa.DataType, *, optional: bool = True) -> dict[str, Any]:
    """Return the schema of a type's values; whatever is nested may be null."""
    name, rest = _shape(type_)
    return {"type": [name, "null"] if optional else name, **rest}


def _shape(type_: pa.DataType) -> tuple[str, dict[str, Any]]:
    if pa.types.is_string(type_):
        return "string", {}
    if pa.types.is_boolean(type_):
        return "boolean", {}
    if pa.types.is_floating(type_):
        return "number", {}
    if pa.types.is_signed_integer(type_):
        end = 2 ** (type_.bit_width - 1)
        return "integer", {"minimum": -end, "maximum": end - 1}
    if type_ == TIMESTAMP:
        return "string", {"format": "date-time", "pattern": _TIME}
    if pa.types.is_list(type_):
        return "array", {"items": _value(type_.value_type)}
    if pa.types.is_map(type_):
        return "object", {"additionalProperties": _value(type_.item_type)}
    if pa.types.is_struct(type_):
        fields = [type_.field(i) for i in range(type_.num_fields)]
        properties = {field.name: _column(field, optional=True) for field in fields}
        return "object", {"properties": properties, "additionalProperties": True}
    raise ValueError(f"expected a type that JSON can carry, got {type_}")


if __name__ == "__main__":
    write(FOLDER)
