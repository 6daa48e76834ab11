"""One event of the demo, and how it becomes a record that any producer could have sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import orjson

from pipelines.demo.chatter.chatter import Line
from pipelines.demo.phrases import fill
from schemas.catalog import TOPICS
from schemas.device_logs import DEVICE_LOGS
from schemas.identity import cloud_event_id
from schemas.record import Append
from schemas.severity import severity_of_word
from schemas.timestamps import format_timestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Android's and Zephyr's one-letter levels, in the words that the severity table knows.
_LETTERS = {"V": "verbose", "D": "debug", "I": "info", "W": "warn", "E": "error", "F": "fatal"}


@dataclass(frozen=True, slots=True)
class DemoEvent:
    """One event: `time_us` is its event time in microseconds since 1970, `fields` the rest of its JSON.

    `cause` names the planted thing that made it; None for what happens on any day. It never leaves the simulator.
    """

    topic: str
    device_id: str
    time_us: int
    fields: dict[str, object]
    cause: str | None = None


def log_event(device_id: str, time_us: int, line: Line, rng: Random, cause: str | None = None) -> DemoEvent:
    """Let a device say a line now, its gaps filled."""
    word = line.severity_text
    fields: dict[str, object] = {
        "severity": severity_of_word(_LETTERS.get(word, word)),
        "severity_text": word,
        "component": line.component,
        "message": fill(line.phrase, rng),
    }
    return DemoEvent(DEVICE_LOGS.name, device_id, time_us, fields, cause)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Puts events into records with CloudEvents headers (Kafka binding, binary mode).

    `source` names the simulated site and run, so that each event's id is known before hubbub has seen it: event
    number n of the source has the id `event_id(n)`.
    """

    source: str

    def event_id(self, number: int) -> str:
        """Return the `event_id` that hubbub will give to event `number`."""
        return cloud_event_id(self.source, str(number))

    def record(self, number: int, event: DemoEvent) -> Append:
        """Return event `number` as a record."""
        topic = TOPICS[event.topic]
        time = rfc3339(event.time_us)
        headers = (
            ("ce_specversion", b"1.0"),
            ("ce_id", str(number).encode()),
            ("ce_source", self.source.encode()),
            ("ce_type", topic.event_type.encode()),
            ("ce_time", time.encode()),
            ("ce_dataschema", topic.dataschema.encode()),
            ("content-type", b"application/json"),
        )
        value = orjson.dumps({"device_id": event.device_id, "event_time": time, **event.fields})
        return Append(event.topic, event.device_id.encode(), value, headers)


def rfc3339(time_us: int) -> str:
    """Write microseconds since 1970 as RFC 3339 in UTC.

    >>> rfc3339(1_500_000)
    '1970-01-01T00:00:01.500000Z'
    """
    return format_timestamp(_EPOCH + timedelta(microseconds=time_us))
