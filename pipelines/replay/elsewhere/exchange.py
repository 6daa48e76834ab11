"""What is written between two versions of hubbub: a request in one JSON file, an answer in another.

The records lie beside them (record_files.py). VERSION counts what is not additive: a reader ignores keys that it does
not know, and refuses another version by name.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from pipelines.pipeline import Sink
from pipelines.replay.wired import Wired
from schemas.topic import Topic

VERSION: Final = 1
REQUEST, ANSWER, PROGRESS, SAID = "request.json", "answer.json", "progress.json", "said.txt"
HISTORY, OUTPUT = "history", "output"
DESCRIBE, RUN = "describe", "run"
_TOPIC_FIELDS: Final = ("name", "description", "key", "event_time", "partitions", "compacted", "internal", "content")


@dataclass(frozen=True)
class Described:
    """A pipeline of the other side, as far as it is known here."""

    name: str
    sources: tuple[Topic, ...]
    sinks: tuple[Sink, ...]


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a file whole: whoever reads it meets the old one or the new one."""
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps({"version": VERSION, **value}), encoding="utf-8")
    beside.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Read such a file; ValueError when the other side speaks another version."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if found.get("version") != VERSION:
        raise ValueError(f"expected version {VERSION} of what checkouts tell each other, got {found.get('version')}")
    return found


def described(pipeline: Wired) -> dict[str, Any]:
    """Return a pipeline as JSON."""
    return {
        "name": pipeline.name,
        "sources": [_topic(one) for one in pipeline.sources],
        "sinks": [_topic(one.topic) for one in pipeline.sinks],
    }


def pipeline_of(value: Mapping[str, Any]) -> Described:
    """Return a pipeline from JSON."""
    sources, sinks = (tuple(_topic_of(one) for one in value[role]) for role in ("sources", "sinks"))
    return Described(value["name"], sources, tuple(Sink(one) for one in sinks))


def _topic(topic: Topic) -> dict[str, Any]:
    schema = base64.b64encode(topic.schema.serialize().to_pybytes()).decode("ascii")
    return {name: getattr(topic, name) for name in _TOPIC_FIELDS} | {"schema": schema}


def _topic_of(value: Mapping[str, Any]) -> Topic:
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(value["schema"])))
    return Topic(**{name: value[name] for name in _TOPIC_FIELDS}, schema=schema)
