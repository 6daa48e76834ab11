"""Rows of alerts by site, drawn: `minute | device | kind | severity | category | text`, and registries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.identity import identity

Row = dict[str, Any]
START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def time_of(minute: float) -> str:
    """Return the time of a minute after the start."""
    return (START + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")


def registry_rows(table: str, site: str = "house", language: str | None = None) -> list[Row]:
    """Return located lines of the registry from a table `device | room | upstream`."""
    rows = []
    for line in table.strip().splitlines():
        device, room, upstream = (None if cell.strip() == "-" else cell.strip() for cell in line.split("|"))
        rows.append(
            {
                "site": site, "device_id": device, "event_time": "2026-01-01T00:00:00Z",
                "valid_from": "2026-01-01T00:00:00Z", "room": room, "type": "thing", "upstream_device_id": upstream,
                "language": language,
            }
        )  # fmt: skip
    return rows


def alert_rows(table: str, site: str = "house", rooms: dict[str, str] | None = None) -> list[Row]:
    """Return changes of alerts, each an alert of its own unless its text was there before.

    The kind is log, message, alarm or telemetry; with a question mark the alert is pending, with `/` it is resolved.
    """
    rows = []
    for number, line in enumerate(table.strip().splitlines()):
        minute, device, kind, severity, category, text = (cell.strip() for cell in line.split("|"))
        name = kind.strip("?/")
        at = time_of(float(minute))
        state = "pending" if "?" in kind else "resolved" if "/" in kind else "firing"
        evidence = {
            "event_id": identity("event", site, number), "kind": name, "topic": "t", "partition": 0, "offset": number,
            "event_time": at, "text": text,
        }  # fmt: skip
        rows.append(
            {
                "site": site, "device_id": device, "event_time": at, "room": (rooms or {}).get(device),
                "alert_id": identity("alert", site, device, name, text), "revision": 1, "rule": f"{name}_rule",
                "state": state, "severity": severity, "category": None if category == "-" else category,
                "opened_at": at, "updated_at": at, "fired_at": None if "?" in kind else at, "count": 1,
                "summary": f"{device}: {text}", "evidence": [evidence],
            }
        )  # fmt: skip
    return rows


# Troubles that come together, clear, come late (the seventh line), and end by quiet hours later.
SITE_EVENTS = """
    0   | d0 | telemetry | warning  | -            | level
    1   | d1 | log?      | warning  | network      | no answer
    2   | d0 | log       | major    | network      | link lost
    3   | d2 | message   | critical | connectivity | nothing works
    4   | d1 | alarm     | critical | network      | cut off
    9   | d2 | log?      | warning  | software     | odd
    1   | d0 | alarm     | major    | network      | late
    30  | d1 | alarm/    | critical | network      | cut off
    31  | d0 | alarm/    | major    | network      | late
    200 | d2 | alarm     | minor    | power        | low
    201 | d2 | log       | minor    | power        | low too
    600 | d0 | message?  | warning  | -            | hm
    601 | d1 | alarm     | indeterminate | -       | a notice
"""
