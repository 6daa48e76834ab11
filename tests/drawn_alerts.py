"""Alerts as a replay reads them, drawn by the minute at which they fire."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pipelines.replay.episodes import Episode
from pipelines.seen_event import time_text

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def alert(alert_id: str, at: int = 0, *, fingerprint: str = "f", until: int | None = None, **changes: Any) -> Episode:
    """An alert that opens and fires at a minute, with one event behind it."""
    known = Episode(
        alert_id=alert_id,
        fingerprint=fingerprint,
        device_id="d1",
        rule="r",
        severity="major",
        state="firing" if until is None else "resolved",
        category=None,
        summary="s",
        opened_us=at * MINUTE,
        fired_us=at * MINUTE,
        updated_us=at * MINUTE,
        resolved_us=None if until is None else until * MINUTE,
        resolved_by=None if until is None else "quiet",
        count=1,
        evidence=({"event_id": f"e{at}", "event_time": time_text(at * MINUTE)},),
    )
    return replace(known, **changes)
