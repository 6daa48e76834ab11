"""The JSON Schema files are up to date, and a validator and the codec give each value the same verdict."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, TypeAlias

import jsonschema
import orjson
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.catalog import TOPICS
from schemas.dead_letters import DEAD_LETTERS
from schemas.json_codec import JsonCodec
from schemas.json_schema import FOLDER, file_name, file_text, json_schema, write
from schemas.record import Record
from schemas.timestamps import parse_timestamp
from schemas.topic import TIMESTAMP, Topic

Json: TypeAlias = Any  # what a JSON text may hold

JSON_TOPICS = [topic for topic in TOPICS.values() if topic.content == "json"]
FORMATS = jsonschema.FormatChecker(formats=())
FORMATS.checks("date-time")(lambda value: not isinstance(value, str) or parse_timestamp(value) is not None)

ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([None, True, 0, 3.0, 2.5, -1, 2**31, 2**63, "", "major", "raise", "2026-03-01T08:30:00Z"])
    | st.sampled_from(["2026-03-01T08:30:00", "2026-02-30T08:30:00Z", "2016-12-31T23:59:60Z", "2026-03-01T24:00:00Z"])
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["label", "score", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def value_of(type_: pa.DataType) -> Json:
    """One JSON value that a type takes, nested as deep as the type goes."""
    if pa.types.is_struct(type_):
        return {type_.field(i).name: value_of(type_.field(i).type) for i in range(type_.num_fields)}
    if pa.types.is_list(type_):
        return [value_of(type_.value_type), None]
    if pa.types.is_map(type_):
        return {"a": value_of(type_.item_type)}
    if type_ == TIMESTAMP:
        return "2026-03-01T08:30:00+08:00"
    if pa.types.is_boolean(type_):
        return True
    if pa.types.is_integer(type_):
        return 3
    return 2.5 if pa.types.is_floating(type_) else "text"


def full_event(topic: Topic) -> dict[str, Any]:
    event = {column.name: value_of(column.type) for column in topic.schema}
    for column in topic.schema:
        if b"values" in column.metadata:
            event[column.name] = column.metadata[b"values"].decode().split("\n")[0]
    return event


def places_of(value: Json, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside a JSON value, by its path."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(p for name, one in inner for p in places_of(one, (*place, name)))]


def put(value: Json, place: tuple[Any, ...], new: Json) -> Json:
    if not place:
        return new
    changed = copy.copy(value)
    changed[place[0]] = put(value[place[0]], place[1:], new)
    return changed


def schema_accepts(validator: jsonschema.Draft202012Validator, event: Json) -> bool:
    return bool(validator.is_valid(event))


def codec_accepts(topic: Topic, event: Json) -> bool:
    key = event.get(topic.key) if isinstance(event, dict) else None
    record = Record(0, 0, key.encode() if isinstance(key, str) else b"key", orjson.dumps(event))
    return JsonCodec(topic).decode(topic.name, 0, [record]).rows == [0]


def validator_of(topic: Topic) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json_schema(topic), format_checker=FORMATS)


def test_the_files_are_up_to_date() -> None:
    """When this fails: `python -m schemas.json_schema`, and ask whether the change is additive."""
    assert {path.name for path in FOLDER.iterdir()} == {file_name(topic) for topic in JSON_TOPICS}
    for topic in JSON_TOPICS:
        assert (FOLDER / file_name(topic)).read_text(encoding="utf-8") == file_text(topic), topic.name


def test_writing_makes_these_files(tmp_path: Path) -> None:
    write(tmp_path / "json")
    written = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "json").iterdir()}
    assert written == {file_name(topic): file_text(topic) for topic in JSON_TOPICS}


@pytest.mark.parametrize("topic", JSON_TOPICS, ids=lambda topic: topic.name)
def test_a_schema_is_valid_and_takes_its_own_examples(topic: Topic) -> None:
    schema = json_schema(topic)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == topic.dataschema
    event = full_event(topic)
    for name, column in schema["properties"].items():
        for example in column.get("examples", ()):
            assert name in event
            event[name] = example
    assert schema_accepts(validator_of(topic), event)
    assert codec_accepts(topic, event)


@pytest.mark.parametrize("topic", JSON_TOPICS, ids=lambda topic: topic.name)
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_schema_and_codec_give_the_same_verdict(topic: Topic, data: st.DataObject) -> None:
    """A whole event with one place changed to anything, one field missing, one field more."""
    event = full_event(topic)
    event = put(event, data.draw(st.sampled_from(places_of(event))), data.draw(ANYTHING))
    if isinstance(event, dict):
        event.pop(data.draw(st.sampled_from([*topic.schema.names, "nothing"])), None)
        event[data.draw(st.sampled_from(["new", "hubbub", *topic.schema.names]))] = data.draw(ANYTHING)
    assert codec_accepts(topic, event) == schema_accepts(validator_of(topic), event), json.dumps(event)


@pytest.mark.parametrize("topic", JSON_TOPICS, ids=lambda topic: topic.name)
def test_each_place_refuses_another_kind_of_value(topic: Topic) -> None:
    """So that the test above is known to meet refusals: no place takes an object, a bool, a text and a list alike."""
    validator, event = validator_of(topic), full_event(topic)
    wrongs: list[Json] = [{"x": {"x": {}}}, True, "wrong", [[[]]]]
    for place in places_of(event):
        verdicts = []
        for wrong in wrongs:
            changed = put(event, place, wrong)
            verdicts.append(schema_accepts(validator, changed))
            assert codec_accepts(topic, changed) == verdicts[-1], (place, wrong)
        assert not all(verdicts), place


def test_raw_topics_have_no_schema() -> None:
    with pytest.raises(ValueError, match=r"dead\.letters"):
        json_schema(DEAD_LETTERS)
