"""The AsyncAPI document hangs together: its references resolve, and it says what the topics' declarations say."""

from __future__ import annotations

import json
import re
from typing import Any, TypeAlias

import jsonschema
import pytest

from schemas.asyncapi import asyncapi_document
from schemas.catalog import INPUTS, TABLES, TOPICS
from schemas.topic import Topic

Json: TypeAlias = Any  # what a JSON text may hold

DOCUMENT = asyncapi_document(TOPICS.values())


def references(node: Json) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [ref for value in node.values() for ref in references(value)]
    return [ref for value in node for ref in references(value)] if isinstance(node, list) else []


def resolve(reference: str) -> Json:
    assert reference.startswith("#/")
    node: Json = DOCUMENT
    for part in reference[2:].split("/"):
        node = node[part]
    return node


def test_every_reference_resolves() -> None:
    found = references(DOCUMENT)
    assert len(found) > 4 * len(TOPICS)
    for reference in found:
        assert isinstance(resolve(reference), dict)


def test_it_is_json_with_what_the_standard_requires() -> None:
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    for section in ("messages", "schemas"):
        for name in DOCUMENT["components"][section]:
            assert re.fullmatch(r"[a-zA-Z0-9._-]+", name)
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in ("send", "receive")
        # The standard wants the channel's own messages here, not the components'.
        assert all(one["$ref"].startswith(operation["channel"]["$ref"] + "/messages/") for one in operation["messages"])


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)
def test_each_topic_is_a_channel(topic: Topic) -> None:
    channel = DOCUMENT["channels"][topic.name]
    kafka = channel["bindings"]["kafka"]
    assert channel["address"] == kafka["topic"] == topic.name
    assert kafka["partitions"] == topic.partitions
    assert kafka["topicConfiguration"]["cleanup.policy"] == (["compact"] if topic.compacted else ["delete"])
    message = resolve(channel["messages"]["event"]["$ref"])
    assert message["bindings"]["kafka"]["key"]["type"] == "string"
    jsonschema.Draft7Validator.check_schema(resolve(message["payload"]["$ref"]))
    headers = resolve(message["headers"]["$ref"])
    jsonschema.Draft7Validator.check_schema(headers)
    assert ("dlq.reason" in headers["properties"]) == (topic.content == "raw")
    action = "receive" if topic in (*INPUTS, *TABLES) else "send"
    assert f"{action}.{topic.name}" in DOCUMENT["operations"]


def test_a_document_of_some_topics_knows_only_them() -> None:
    document = asyncapi_document(INPUTS, version="2.1.0")
    assert list(document["channels"]) == [topic.name for topic in INPUTS]
    assert document["info"]["version"] == "2.1.0"
