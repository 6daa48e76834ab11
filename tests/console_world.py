"""A small made-up site for tests of the console: three alerts that last, one that is over, two incidents, readings.

Everything is written as the pipelines would write it. Times are some hours ago, so that pages say so.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from infra.sqlite.broker import SqliteBroker
from pipelines.seen_event import time_text
from schemas.alerts import ALERTS
from schemas.answers import ALARMS_ENRICHED, CUSTOMER_MESSAGES_ENRICHED, DEVICE_LOGS_ENRICHED, DEVICE_TELEMETRY_ENRICHED
from schemas.catalog import INPUTS
from schemas.dead_letters import DEAD_LETTERS
from schemas.devices import DEVICES
from schemas.incidents import INCIDENTS
from schemas.record import Append

NOW_US = time.time_ns() // 1000
MINUTE_US = 60_000_000
FRIDGE, PUMP = "fridge-7", "pump-2"
INCIDENT_ID, EARLIER_ID = "1" * 32, "2" * 32
MODEL = "text-enzh@1.3.0+0123456789ab"


def at(minutes_ago: float) -> str:
    """Return a time as events say it."""
    return time_text(round(NOW_US - minutes_ago * MINUTE_US))


def alert(
    name: str, device: str = FRIDGE, severity: str = "major", minutes_ago: float = 60, **more: object
) -> dict[str, Any]:
    """Return an alert that fired and lasts."""
    return {
        "fingerprint": f"f-{name}", "alert_id": f"a-{name}", "revision": 1, "device_id": device,
        "event_time": at(minutes_ago), "rule": "telemetry_anomaly", "state": "firing", "severity": severity,
        "summary": f"{device}: {name}", "labels": {"alertname": "telemetry_anomaly", "device_id": device},
        "opened_at": at(minutes_ago), "fired_at": at(minutes_ago), "updated_at": at(minutes_ago), "count": 1,
        "evidence": [], **more,
    }  # fmt: skip


def piece(kind: str, number: int, minutes_ago: float, **more: object) -> dict[str, Any]:
    """Return one piece of evidence."""
    return {"event_id": f"{kind}-{number}".ljust(32, "0"), "kind": kind, "event_time": at(minutes_ago), **more}


def appended(topic: str, key: str, value: object) -> Append:
    """Return a record of a JSON topic."""
    return Append(topic, key.encode(), orjson.dumps(value))


def make_world(path: Path, alerts: Sequence[dict[str, Any]] = (), incidents: Sequence[dict[str, Any]] = ()) -> None:
    """Write the site into a new broker file, and these alerts and incidents beside its own."""
    with SqliteBroker(path) as broker:
        enriched = (DEVICE_LOGS_ENRICHED, CUSTOMER_MESSAGES_ENRICHED, ALARMS_ENRICHED, DEVICE_TELEMETRY_ENRICHED)
        broker.create_topics([*INPUTS, *enriched, DEVICES, ALERTS, INCIDENTS, DEAD_LETTERS])
        broker.append([*_registry(), *_readings(), *_lines()])
        broker.append([appended(ALERTS.name, one["fingerprint"], one) for one in (*_alerts(), *alerts)])
        broker.append([appended(INCIDENTS.name, one["incident_id"], one) for one in (*site_incidents(), *incidents)])


def _registry() -> list[Append]:
    places = {
        FRIDGE: {"type": "fridge", "room": "kitchen", "upstream_device_id": PUMP},
        PUMP: {"type": "pump", "room": "cellar"},
    }
    rows = [{"device_id": one, "valid_from": at(5000), "site": "lab", **more} for one, more in places.items()]
    return [appended(DEVICES.name, str(row["device_id"]), row) for row in rows]


def _readings() -> list[Append]:
    records = []
    for number in range(180):
        minutes_ago = 240 - number
        warm = 60 <= minutes_ago <= 100
        value = 4.0 + (number % 5) * 0.1 + (6.0 if warm else 0)
        anomaly = {"score": 0.97 if warm else 0.1, "is_anomaly": warm, "expected_low": 3.0, "expected_high": 5.5}
        row = {
            "device_id": FRIDGE, "event_time": at(minutes_ago), "metric": "box_temp", "value": value, "unit": "Cel",
            "hubbub": {
                "input": {"event_id": f"telemetry-{number}".ljust(32, "0")}, "late": False,
                "anomaly": {**anomaly, "kind": "level_shift" if warm else "none", "model": "telemetry-level@2"},
            },
        }  # fmt: skip
        records.append(appended(DEVICE_TELEMETRY_ENRICHED.name, FRIDGE, row))
    return records


def _lines() -> list[Append]:
    records = []
    for number in range(30):
        row = {
            "device_id": FRIDGE, "event_time": at(400 - 10 * number), "message": f"door closed after {number} s",
            "hubbub": {
                "input": {"event_id": f"log-{number}".ljust(32, "0")}, "late": False,
                "template": "door closed after <*> s", "novelty": 0.01,
                "category": {"label": "normal", "score": 0.9, "model": MODEL},
            },
        }  # fmt: skip
        records.append(appended(DEVICE_LOGS_ENRICHED.name, FRIDGE, row))
    return records


def _alerts() -> list[dict[str, Any]]:
    readings = [
        piece(
            "telemetry", 140 + number, 100 - number, metric="box_temp", value=10.1, expected_low=3.0,
            expected_high=5.5, label="level_shift", score=0.97, model="telemetry-level@2",
        )
        for number in range(6)
    ]  # fmt: skip
    line = piece(
        "log", 90, 95, text="door closed after 12 s by force", template="door closed after <*> s by force",
        words=["force"], label="mechanical", score=0.91, model=MODEL,
    )  # fmt: skip
    message = piece(
        "message", 1, 90, text="the fridge is leaking and the milk is warm", words=["leaking", "warm"],
        label="critical", score=0.93, model=MODEL,
    )  # fmt: skip
    warm = alert("box_temp is unusual", minutes_ago=100, count=40, evidence=readings, category="thermal")
    return [
        {**warm, "state": "pending", "fired_at": None, "revision": 1, "severity": "minor"},
        {**warm, "revision": 2, "event_time": at(99)},
        alert("a line never seen before", minutes_ago=95, evidence=[line], rule="log_novel", severity="warning"),
        alert(
            "urgent message", minutes_ago=90, evidence=[message], rule="message_urgent", severity="critical",
            annotations={"runbook_url": "https://runbooks.example/leak"},
        ),
        alert(
            "pump stopped", PUMP, minutes_ago=130, state="resolved", resolved_at=at(120), resolved_by="clear",
            duration_s=600.0, rule="alarm_raised", evidence=[piece("alarm", 1, 130, text="no flow", label="major")],
        ),
    ]  # fmt: skip


def site_incidents() -> list[dict[str, Any]]:
    """Return the site's incidents: one that is over, one that lasts."""

    def entry(kind: str, number: int, minutes_ago: float, name: str, device: str = FRIDGE) -> dict[str, Any]:
        named = {"device_id": device, "alert_id": f"a-{name}", "severity": "major", "text": f"{kind} of {device}"}
        return {"event_id": f"{kind}-{number}".ljust(32, "0"), "event_time": at(minutes_ago), "kind": kind, **named}

    timeline = [
        entry("alarm", 1, 130, "pump stopped", PUMP),
        *(entry("telemetry", 140 + number, 100 - number, "box_temp is unusual") for number in range(6)),
        entry("log", 90, 95, "a line never seen before"),
        entry("message", 1, 90, "urgent message"),
    ]
    now = {
        "incident_id": INCIDENT_ID, "revision": 3, "site": "lab", "event_time": at(90), "state": "updated",
        "severity": "critical", "probable_cause_device_id": PUMP, "category": "thermal",
        "probable_cause": f'{PUMP} (pump): it showed "no flow"; {FRIDGE} hangs on it',
        "summary": f'Critical thermal trouble at lab: 2 devices ({PUMP}, {FRIDGE}). It began on {PUMP}: "no flow".',
        "language": "en", "devices": [PUMP, FRIDGE], "device_count": 2,
        "evidence_kinds": ["alarm", "telemetry", "log", "message"],
        "alert_ids": ["a-pump stopped", "a-box_temp is unusual", "a-a line never seen before", "a-urgent message"],
        "alert_count": 4, "event_count": 43, "started_at": at(130), "opened_at": at(100), "updated_at": at(90),
        "timeline": timeline,
    }  # fmt: skip
    over = {"state": "resolved", "resolved_at": at(2800), "duration_s": 3600.0, "alert_ids": ["a-gone"], "timeline": []}
    earlier = {"incident_id": EARLIER_ID, "started_at": at(3000), "opened_at": at(2990), "updated_at": at(2860)}
    return [{**now, **over, **earlier, "alert_count": 1, "event_count": 4}, now]
