"""What a run put out, in the form in which two runs are compared.

Normalised, because brokers and runs differ in them and no answer depends on them, are exactly these:

- the offset of the input event in an enriched row or a forecast (`hubbub.input.offset`) and in an alert's
  `evidence[].offset`: Kafka's offsets have holes where SQLite's have none. Its topic and partition are compared;
- for the same reason the header that says a row's place in the order of who wrote it (schemas/sequence.py);
- of a dead letter the headers that say when, by whom and at which offset it was found (DIFFERENT_HEADERS), and the
  sentence of one refused by its `clock`, which counts the seconds to its arrival.

Everything else is compared to the byte: values, ids and all headers; alerts, incidents, forecasts by every revision
in its order; and the order of each device's rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from infra.broker import Broker, TopicPartition
from schemas.alerts import ALERTS
from schemas.catalog import ENRICHED
from schemas.dead_letters import DEAD_LETTERS
from schemas.device_forecasts import DEVICE_FORECASTS
from schemas.incidents import INCIDENTS
from schemas.record import Headers, Record
from schemas.sequence import SEQUENCE_HEADER

FORECAST_RULE = "failure_forecast"
DIFFERENT_HEADERS = frozenset(
    {
        "__connect.errors.offset",
        "__connect.errors.connector.name",  # the group: a replay's is another one
        "dlq.id",  # made of the offset and the group
        "dlq.engine",
        "dlq.failed_at",
        "dlq.original_timestamp",
    }
)


@dataclass(slots=True)
class Outcome:
    """Everything that a run put out.

    `enriched`: by (topic, event id), headers and row. `orders`: by (topic, device), event ids in their order.
    `alerts`: by fingerprint, `incidents`: by incident id, `forecasts`: by device, every revision in its order.
    `letters`: sorted. `repeats`: rows that lay there again with the same id and the same content, which at-least-once
    engines may write after a kill; they are taken out.
    """

    enriched: dict[tuple[str, str], tuple[Headers, Any]] = field(default_factory=dict)
    orders: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    alerts: dict[str, list[tuple[Headers, Any]]] = field(default_factory=lambda: defaultdict(list))
    incidents: dict[str, list[tuple[Headers, Any]]] = field(default_factory=lambda: defaultdict(list))
    forecasts: dict[str, list[tuple[Headers, Any]]] = field(default_factory=lambda: defaultdict(list))
    letters: list[tuple[str, ...]] = field(default_factory=list)
    repeats: int = 0


def without_forecasts(outcome: Outcome) -> Outcome:
    """Return what there would be had the pipelines of forecasts not run: nothing follows them but their alerts."""
    alerts = {name: told for name, told in outcome.alerts.items() if told[0][1]["rule"] != FORECAST_RULE}
    return replace(outcome, alerts=defaultdict(list, alerts), forecasts=defaultdict(list))


class BrokenOutcome(AssertionError):
    """One id was given to two different things."""


def read_outcome(broker: Broker, *, take_first: bool = False) -> Outcome:
    """Read what lies in the output topics; BrokenOutcome when an id means two things.

    With `take_first` the first row of an id counts, as for a reader that removes repeats by id: an event that was sent
    again lies at another place, and may be late there.
    """
    outcome = Outcome()
    for topic in ENRICHED:
        for record in records_of(broker, topic.name):
            _take_enriched(outcome, topic.name, record, take_first)
    outcome.repeats += _take_revisions(outcome.alerts, records_of(broker, ALERTS.name), "fingerprint")
    outcome.repeats += _take_revisions(outcome.incidents, records_of(broker, INCIDENTS.name), "incident_id")
    outcome.repeats += _take_revisions(outcome.forecasts, records_of(broker, DEVICE_FORECASTS.name), "device_id")
    letters: set[str] = set()
    for record in records_of(broker, DEAD_LETTERS.name):
        letter_id = _header(record, "dlq.id")
        if letter_id in letters:
            outcome.repeats += 1
            continue
        letters.add(letter_id)
        clock = _header(record, "dlq.reason") == "clock"
        left_out = DIFFERENT_HEADERS | ({"__connect.errors.exception.message"} if clock else set())
        kept = [f"{name}={value!r}" for name, value in record.headers if name not in left_out]
        outcome.letters.append((repr(record.key), repr(record.value), *kept))
    outcome.letters.sort()
    return outcome


def records_of(broker: Broker, topic: str) -> Iterator[Record]:
    """Give all records of a topic, partition after partition."""
    for partition in range(broker.topics().get(topic, 0)):
        part = TopicPartition(topic, partition)
        offset = broker.bounds(part)[0]
        while records := broker.read(part, offset, max_records=5_000, max_bytes=16 << 20):
            yield from records
            offset = records[-1].offset + 1


def _take_enriched(outcome: Outcome, topic: str, record: Record, take_first: bool) -> None:
    event_id = _header(record, "ce_hubbubid")
    if take_first and (topic, event_id) in outcome.enriched:
        outcome.repeats += 1
        return
    row = orjson.loads(record.value or b"null")
    row["hubbub"]["input"]["offset"] = None
    if _is_repeat(outcome.enriched, (topic, event_id), (_headers(record), row)):
        outcome.repeats += 1
    else:
        outcome.orders[topic, (record.key or b"").decode()].append(event_id)


def _take_revisions(found: dict[str, list[tuple[Headers, Any]]], records: Iterator[Record], key: str) -> int:
    """Take the revisions of alerts and the like by what they are revisions of; return how many were repeats."""
    seen: dict[str, tuple[Headers, Any]] = {}
    repeats = 0
    for record in records:
        row = orjson.loads(record.value or b"null")
        for evidence in row.get("evidence", ()):
            evidence["offset"] = None
        if "hubbub" in row:
            row["hubbub"]["input"]["offset"] = None
        revision = _headers(record), row
        if _is_repeat(seen, _header(record, "ce_hubbubid"), revision):
            repeats += 1
        else:
            found[str(row[key])].append(revision)
    return repeats


def _headers(record: Record) -> Headers:
    return tuple(header for header in record.headers if header[0] != SEQUENCE_HEADER)


def _is_repeat(seen: dict[Any, tuple[Headers, Any]], name: object, found: tuple[Headers, Any]) -> bool:
    if name not in seen:
        seen[name] = found
        return False
    # As bytes, for -0.0 == 0.0 and 1 == 1.0 in Python.
    if orjson.dumps(seen[name][1]) != orjson.dumps(found[1]) or seen[name][0] != found[0]:
        raise BrokenOutcome(f"the id {name} was given to two different rows: {seen[name]} and {found}")
    return True


def _header(record: Record, name: str) -> str:
    return next(value.decode() for header, value in reversed(record.headers) if header == name)
