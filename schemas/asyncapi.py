"""The topics as one AsyncAPI 3.0 document: what flows where, under which key, with which headers.

Source: AsyncAPI 3.0.0; its Kafka bindings 0.5.0. The payloads' schemas use only words that AsyncAPI's own schema
format (a superset of JSON Schema draft 7) and draft 2020-12 share.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from schemas.catalog import INPUTS, TABLES
from schemas.dead_letters import REASONS, STAGES
from schemas.json_schema import json_schema
from schemas.topic import Topic

_BINDING: Final = "0.5.0"
_ENVELOPE: Final = "CloudEvent"
_DEAD_LETTER: Final = "DeadLetter"


def asyncapi_document(topics: Iterable[Topic], *, version: str = "1.0.0") -> dict[str, Any]:
    """Return the document of these topics, from hubbub's side: it receives the inputs and sends the rest."""
    listed = list(topics)
    inputs = {topic.name for topic in (*INPUTS, *TABLES)}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "hubbub",
            "version": version,
            "description": "Events of a fleet of devices, what hubbub understands of them, and its alerts.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in listed},
        "operations": {
            f"{action}.{topic.name}": {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "messages": [{"$ref": f"#/channels/{topic.name}/messages/event"}],
                "summary": topic.description,
            }
            for topic in listed
            for action in ["receive" if topic.name in inputs else "send"]
        },
        "components": {
            "messages": {topic.name: _message(topic) for topic in listed},
            "schemas": {
                **{topic.name: _payload(topic) for topic in listed},
                _ENVELOPE: _cloud_event(),
                _DEAD_LETTER: _dead_letter(),
            },
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": topic.name,
        "description": topic.description,
        "messages": {"event": {"$ref": f"#/components/messages/{topic.name}"}},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {"cleanup.policy": ["compact" if topic.compacted else "delete"]},
                "bindingVersion": _BINDING,
            }
        },
    }


def _message(topic: Topic) -> dict[str, Any]:
    raw = topic.content == "raw"
    key = "the original key" if raw else f"{topic.key}, UTF-8; murmur2 of it gives the partition"
    return {
        "name": topic.event_type,
        "title": topic.name,
        "summary": topic.description,
        "contentType": "application/octet-stream" if raw else "application/json",
        "headers": {"$ref": f"#/components/schemas/{_DEAD_LETTER if raw else _ENVELOPE}"},
        "payload": {"$ref": f"#/components/schemas/{topic.name}"},
        "bindings": {"kafka": {"key": {"type": "string", "description": key}, "bindingVersion": _BINDING}},
    }


def _payload(topic: Topic) -> dict[str, Any]:
    if topic.content == "raw":
        return {"description": "the original bytes, as they came"}
    schema = json_schema(topic)
    return {name: value for name, value in schema.items() if name not in ("$schema", "$id")}


def _headers(description: str, headers: dict[str, dict[str, Any]]) -> dict[str, Any]:
    properties = {name: {"type": "string", **schema} for name, schema in headers.items()}
    return {"type": "object", "description": description, "properties": properties, "additionalProperties": True}


def _cloud_event() -> dict[str, Any]:
    return _headers(
        "CloudEvents 1.0 in Kafka's binary mode. hubbub writes all of them but ce_hubbuborigin, and needs none",
        {
            "ce_specversion": {"const": "1.0"},
            "ce_id": {"description": "id of the event within its source"},
            "ce_source": {"description": "who wrote it", "format": "uri-reference"},
            "ce_type": {"description": "what kind of event it is", "examples": ["hubbub.device.logs.v1"]},
            "ce_time": {"description": "when it happened, where the value does not say it", "format": "date-time"},
            "ce_subject": {"description": "the device"},
            "ce_dataschema": {"description": "the schema of the value", "examples": ["hubbub:device.logs:1"]},
            "ce_hubbubid": {"description": "hubbub's id of the event, given once", "pattern": "^[0-9a-f]{32}$"},
            "ce_hubbuborigin": {"description": "where a re-keyed or exported event first lay: topic/partition/offset"},
            "content-type": {"const": "application/json"},
            "traceparent": {"description": "W3C trace context of what the event began with (also ce_traceparent)"},
            "tracestate": {"description": "what vendors say beside it (also ce_tracestate)"},
        },
    )


def _dead_letter() -> dict[str, Any]:
    return _headers(
        "The original headers, and these",
        {
            "dlq.id": {"description": "hash of topic, partition, offset and stage"},
            "dlq.reason": {"description": "why it could not be processed", "enum": list(REASONS)},
            "__connect.errors.stage": {"description": "where it failed", "enum": list(STAGES)},
            "__connect.errors.topic": {"description": "where it lay"},
            "__connect.errors.partition": {"description": "where it lay, decimal"},
            "__connect.errors.offset": {"description": "where it lay, decimal"},
            "__connect.errors.exception.message": {"description": "one sentence: what was expected, what came"},
            "dlq.attempts": {"description": "how often it was tried, decimal"},
            "dlq.failed_at": {"description": "when it was given up", "format": "date-time"},
            "dlq.original_timestamp": {"description": "when it was appended", "format": "date-time"},
            "dlq.original_size": {"description": "bytes of the value, decimal"},
            "dlq.sha256": {"description": "of the value, hex"},
        },
    )
