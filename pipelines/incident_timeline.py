"""The timeline of an incident as it is shown: each event once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def timeline_of(incident: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the entries of an incident's timeline in their order; an event that supports two alerts is told once.

    Of an event that is there more than once, what was said last stands where it came first.
    """
    listed = incident.get("timeline")
    entries = (one for one in listed if isinstance(one, dict)) if isinstance(listed, list) else ()
    return [*{str(one.get("event_id")): one for one in entries}.values()]
