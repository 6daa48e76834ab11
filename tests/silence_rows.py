"""Enriched log lines of which one kind falls silent: rows to try the operator on that reports it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]


def enriched_line(device: str, second: int, template: str | None) -> Row:
    """One line of `device.logs.enriched`, so many seconds after eight."""
    time = f"2026-03-01T{8 + second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"
    said = None if template is None else f"id of {template}"
    where = {"event_id": f"e{device}{second}", "topic": "device.logs", "partition": 0, "offset": second}
    answers = {"input": where, "late": False, "template": template, "template_id": said}
    return {"device_id": device, "event_time": time, "message": template, "hubbub": answers}


def heartbeats(device: str, minutes: Sequence[int]) -> list[Row]:
    """One line a minute, a second to and fro."""
    return [enriched_line(device, minute * 60 + minute % 2, "heartbeat sent") for minute in minutes]


# d0 is silent from 08:14 on, which is told once d1's time is past 08:19, and speaks again at 08:40.
SILENCES: list[Row] = [
    *heartbeats("d0", range(15)),
    enriched_line("d1", 900, "door opened"),
    enriched_line("d1", 1_500, "door closed"),
    enriched_line("d0", 1_560, None),
    enriched_line("d0", 700, "heartbeat sent"),
    enriched_line("d0", 2_400, "heartbeat sent"),
    enriched_line("d1", 2_460, "door opened"),
]
