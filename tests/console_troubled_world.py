"""The made-up site in trouble: dead letters, a job that is behind, a topic of one's own, a hostile device."""

from __future__ import annotations

from pathlib import Path

import orjson
import pyarrow as pa

from infra.broker import Offset, TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.engines.dead_letter import DeadLetterWriter, Failure
from schemas.answers import DEVICE_LOGS_ENRICHED, DEVICE_TELEMETRY_ENRICHED
from schemas.record import Append, Record
from schemas.topic import DEVICE_ID, EVENT_TIME, Topic
from tests.console_world import FRIDGE, NOW_US, appended, at, make_world

HOSTILE = "<img src=x onerror=alert(1)>\"'{{7*7}} \u202egpj/..\x1b[31m"
# What no page may show of it.
FORBIDDEN = ("<img src=x", "<script>alert", "\x1b", "\u202e", ">49", "onerror=alert(1)>")
VALUE = b'{"device_id": "fridge-7", "message": "<script>alert(2)</script>", "event_time": "2026-03-01T08:00:00Z"'
LOUD = Topic("acme.loudness", pa.schema([DEVICE_ID, EVENT_TIME]), "how loud", partitions=2)


def make_troubled_world(path: Path) -> None:
    """Write all of it into a new broker file."""
    make_world(path)
    logs, alarms = (DeadLetterWriter(f"hubbub-{name}", "embedded", "0.1.0") for name in ("logs", "alarms"))
    failed = Failure("INFER", "infer_error", HOSTILE)
    letters = [
        *(logs.letter("device.logs", 1, Record(n, NOW_US, b"fridge-7", VALUE), _no_json(n), NOW_US) for n in range(3)),
        alarms.letter("alarms", 0, Record(7, NOW_US, HOSTILE.encode(), b"\xff\xfe"), failed, NOW_US),
        Append("dead.letters", None, b"from nowhere"),
    ]
    with SqliteBroker(path) as broker:
        broker.create_topics([LOUD])
        broker.append(letters)
        broker.append([appended("device.logs", FRIDGE, {"device_id": FRIDGE, "message": str(n)}) for n in range(5)])
        part = next(one for n in range(8) if broker.bounds(one := TopicPartition("device.logs", n))[1])
        broker.commit_offsets("hubbub-logs", {part: Offset(2)})
        broker.append([Append(LOUD.name, b"k", orjson.dumps({"device_id": "d", "loud": HOSTILE}))])
        reading = {"device_id": HOSTILE, "event_time": at(5), "metric": HOSTILE, "value": 1.5, "unit": HOSTILE}
        line = {"device_id": HOSTILE, "event_time": at(4), "message": HOSTILE, "component": HOSTILE}
        answers = {
            "input": {"event_id": "e"},
            "late": False,
            "category": {"label": HOSTILE, "score": 0.5, "model": "m"},
        }
        broker.append([
            appended(DEVICE_TELEMETRY_ENRICHED.name, HOSTILE, {**reading, "hubbub": {"input": {}, "late": False}}),
            appended(DEVICE_LOGS_ENRICHED.name, HOSTILE, {**line, "hubbub": answers}),
        ])  # fmt: skip


def _no_json(number: int) -> Failure:
    return Failure("DECODE", "bad_json", f"expected JSON, got an end at byte {number}")


def letters_of(file: Path) -> list[str]:
    """Return the places of the dead letters, PARTITION-OFFSET."""
    with SqliteBroker(file) as broker:
        ends = [broker.bounds(TopicPartition("dead.letters", number))[1] for number in range(8)]
    return [f"{number}-{offset}" for number, end in enumerate(ends) for offset in range(end)]
