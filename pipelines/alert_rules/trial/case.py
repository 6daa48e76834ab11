"""A test file of alert rules, read and checked: events, and which alerts there should be at which times.

rules = "alerts.toml"           relative to this file; without it, the rules that hold here

[[tests]]
name = "a freezer that warms up"
start = "2026-03-01T00:00:00Z"

[[tests.events]]
topic = "device.telemetry.enriched"
at = "0s"                       since the start, or an RFC 3339 time
every = "1m"                    once more every minute,
times = 12                      twelve times in all
device_id = "freezer-2"
metric = "box_temp"
value = -5.0

[[tests.expect]]
at = "11m"
alerts = [{ rule = "freezer_warm", device_id = "freezer-2", severity = "major" }]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow as pa

from pipelines.alert_rules.rule_file import WrongRules, read_toml
from pipelines.alert_rules.rule_values import (
    Place,
    WrongValue,
    check_names,
    list_at,
    seconds_at,
    table_at,
    text_at,
    whole_number_at,
)
from pipelines.bad_input import BadInput
from schemas.catalog import ENRICHED, INPUTS
from schemas.identity import identity
from schemas.json_codec import JsonCodec
from schemas.record import Record
from schemas.timestamps import format_timestamp, parse_timestamp
from schemas.topic import Topic

START: Final = datetime(2026, 3, 1, tzinfo=UTC)
MOST_EVENTS: Final = 100_000
TOPICS: Final[Mapping[str, Topic]] = {topic.name: topic for topic in (*INPUTS, *ENRICHED)}
EXPECTED_FIELDS: Final = (
    "rule",
    "device_id",
    "state",
    "severity",
    "category",
    "summary",
    "count",
    "labels",
    "annotations",
    "opened_at",
    "fired_at",
    "resolved_at",
    "resolved_by",
)
TIMES: Final = ("opened_at", "fired_at", "resolved_at")


@dataclass(frozen=True, slots=True)
class TestEvent:
    """One event, as its topic's JSON."""

    topic: str
    at: datetime
    device_id: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Expectation:
    """Which alerts there should be at a time; `only` narrows what is looked at to a rule and a device."""

    at: datetime
    said: str
    alerts: tuple[Mapping[str, Any], ...]
    only: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TestCase:
    """One test: its events in the order of their times, and what is expected."""

    name: str
    events: tuple[TestEvent, ...]
    expected: tuple[Expectation, ...]


@dataclass(frozen=True, slots=True)
class TestFile:
    """A whole file; `rules` is the rule file that it names."""

    path: Path
    rules: Path | None
    cases: tuple[TestCase, ...]


def read_test_file(path: Path) -> TestFile:
    """Read a test file; BadInput says what is wrong where."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"expected a test file at {path}, got: {error.strerror}") from error
    document = read_toml(content, path)
    top = Place(f"{path}: ")
    try:
        check_names(Place(str(path)), document, ("rules", "tests"), "section or key")
        rules = text_at(top.at("rules"), document["rules"]) if "rules" in document else None
        cases = [
            _case(Place(f"{path}: test {number}: "), table_at(top.at("tests"), one), number)
            for number, one in enumerate(list_at(top.at("tests"), document.get("tests")), 1)
        ]
    except WrongValue as error:
        raise WrongRules([str(error)]) from error
    return TestFile(path, None if rules is None else path.parent / rules, tuple(cases))


def _case(place: Place, table: Mapping[str, object], number: int) -> TestCase:
    check_names(Place(str(place).rstrip(": ")), table, ("name", "start", "events", "expect"), "key")
    name = text_at(place.at("name"), table.get("name", f"test {number}"))
    start = _time(place.at("start"), table["start"], START) if "start" in table else START
    events: list[TestEvent] = []
    for i, one in enumerate(list_at(place.at("events"), table.get("events")), 1):
        events += _events(Place(f"{place}event {i}: "), table_at(place.at("events"), one), start, i)
        if len(events) > MOST_EVENTS:
            raise place.at("events").wrong(f"at most {MOST_EVENTS:,} events", f"{len(events):,} and more")
    expected = [
        _expectation(Place(f"{place}expect {i}: "), table_at(place.at("expect"), one), start)
        for i, one in enumerate(list_at(place.at("expect"), table.get("expect")), 1)
    ]
    return TestCase(name, tuple(sorted(events, key=lambda event: event.at)), tuple(expected))


def _events(place: Place, table: Mapping[str, object], start: datetime, number: int) -> list[TestEvent]:
    fields = dict(table)
    name = text_at(place.at("topic"), fields.pop("topic", None))
    check_names(place.at("topic"), [name], TOPICS, "topic")
    topic = TOPICS[name]
    at = _time(place.at("at"), fields.pop("at", 0), start)
    times = whole_number_at(place.at("times"), fields.pop("times", 1))
    every = seconds_at(place.at("every"), fields.pop("every", 60))
    if not 1 <= times <= MOST_EVENTS:
        raise place.at("times").wrong(f"1 to {MOST_EVENTS:,}", times)
    device_id = text_at(place.at("device_id"), fields.get("device_id"))
    _check_fields(place, fields, topic.schema)
    return [
        _event(place, topic, fields, at + timedelta(seconds=i * every), device_id, identity("test", number, i))
        for i in range(times)
    ]


def _event(
    place: Place, topic: Topic, fields: Mapping[str, object], at: datetime, device_id: str, event_id: str
) -> TestEvent:
    value: dict[str, Any] = {**fields, "event_time": format_timestamp(at)}
    if "hubbub" in topic.schema.names:
        hubbub = table_at(place.at("hubbub"), fields.get("hubbub", {}))
        source = {"topic": topic.name.removesuffix(".enriched"), "partition": 0, "offset": 0}
        value["hubbub"] = {"input": {"event_id": event_id, **source}, "late": False, **hubbub}
    encoded = orjson.dumps(value, default=str)
    decoded = JsonCodec(topic).decode(topic.name, 0, [Record(0, 0, device_id.encode(), encoded)])
    for _, refused in decoded.refused:
        raise WrongValue(f"{place}expected an event of {topic.name}, got: {refused}")
    return TestEvent(topic.name, at, device_id, encoded)


def _check_fields(place: Place, fields: Mapping[str, object], schema: pa.Schema) -> None:
    """Refuse names that the topic does not have: a misspelt one would travel along and mean nothing."""
    check_names(Place(str(place).rstrip(": ")), fields, schema.names, "field")
    for name, value in fields.items():
        if isinstance(value, dict) and pa.types.is_struct(schema.field(name).type):
            _check_fields(place.at(name), value, pa.schema(list(schema.field(name).type)))


def _expectation(place: Place, table: Mapping[str, object], start: datetime) -> Expectation:
    check_names(Place(str(place).rstrip(": ")), table, ("at", "alerts", "rule", "device_id"), "key")
    if "at" not in table:
        raise place.at("at").wrong("a time since the start, or an RFC 3339 time", None)
    at = _time(place.at("at"), table["at"], start)
    value = table.get("alerts")
    if not isinstance(value, list):
        raise place.at("alerts").wrong("a list of alerts, empty when none should fire", value)
    alerts = [_alert(Place(f"{place}alert {i}: "), one, start) for i, one in enumerate(value, 1)]
    only = {name: text_at(place.at(name), table[name]) for name in ("rule", "device_id") if name in table}
    return Expectation(at, str(table["at"]), tuple(alerts), only)


def _alert(place: Place, value: object, start: datetime) -> Mapping[str, Any]:
    fields = dict(table_at(Place(str(place).rstrip(": ")), value))
    check_names(Place(str(place).rstrip(": ")), fields, EXPECTED_FIELDS, "field of an alert")
    for name in TIMES:
        if name in fields:
            fields[name] = format_timestamp(_time(place.at(name), fields[name], start))
    for name in ("labels", "annotations"):
        if name in fields:
            fields[name] = dict(table_at(place.at(name), fields[name]))
    return {"state": "firing", **fields}


def _time(place: Place, value: object, start: datetime) -> datetime:
    """Read a time: how long after the start, or RFC 3339 (TOML has a type of its own for it)."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if isinstance(value, str) and (moment := parse_timestamp(value)) is not None:
        return moment
    return start + timedelta(seconds=seconds_at(place, value))
