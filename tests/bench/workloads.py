"""What the benchmarks feed to a job: events by kind, made from a seed, no two texts alike."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson

from schemas.record import Append

DATA = Path(__file__).parents[2] / "models" / "training" / "data"
START = datetime(2026, 3, 1, tzinfo=UTC).timestamp()
DEVICES = 1000


def texts(kind: str, count: int) -> Iterator[str]:
    """Texts of the project's own training data, over and over, each with a number, so that none is remembered."""
    files = {"messages": "messages_*.tsv", "logs": "logs.tsv", "alarms": "alarms.tsv"}[kind]
    column = {"messages": "text", "logs": "message", "alarms": "text"}[kind]
    found = []
    for path in sorted(DATA.glob(files)):
        header, *lines = path.read_text(encoding="utf-8").splitlines()
        place = header.split("\t").index(column)
        found += [line.split("\t")[place] for line in lines]
    source = random.Random(7)
    for number in range(count):
        yield f"{source.choice(found)} {number}"


def events(kind: str, count: int) -> Iterator[Append]:
    """Make `count` events of 1,000 devices for the topic that a kind of pipeline reads."""
    source = random.Random(11)
    topic = {"messages": "customer.messages", "alarms": "alarms", "telemetry": "device.telemetry"}.get(
        kind, "device.logs"
    )
    words = iter(texts(kind, count)) if kind in ("messages", "logs", "alarms") else None
    for number in range(count):
        device = f"device-{source.randrange(DEVICES)}"
        moment = datetime.fromtimestamp(START + number * 0.5, UTC).isoformat().replace("+00:00", "Z")
        event: dict[str, object] = {"device_id": device, "event_time": moment}
        if kind == "messages":
            event |= {"text": next(words), "channel": "app"} if words else {}
        elif kind == "alarms":
            event |= {"text": next(words), "code": f"E-{number % 90}", "state": "raise"} if words else {}
        elif kind == "telemetry":
            event |= {"metric": "temp_c", "value": round(20 + source.gauss(0, 1), 3), "unit": "Cel"}
        elif kind == "logs":
            event |= {"message": next(words), "component": "unit", "severity": "indeterminate"} if words else {}
        else:
            message = f"link {number % 48} of the line card is up again after {number % 7} tries, as it was before"
            event |= {"message": message, "component": "switchd", "severity": "indeterminate", "severity_text": "INFO"}
        yield Append(topic, device.encode(), orjson.dumps(event))
