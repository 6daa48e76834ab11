"""How an alert went: opened, fired, became worse, was acknowledged, commented, ended; and its earlier episodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pipelines.alert_actions import Event
from pipelines.serve.board import Step


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn. `what` is a word of WHAT; `by` and `text` are a person's, `value` is what it turned to."""

    when: str
    what: str
    value: str = ""
    by: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Episode:
    """An earlier time that the same alert was open."""

    opened_at: str
    severity: str
    resolved_at: str | None


def turns_of(alert: Mapping[str, Any], steps: Sequence[Step], deeds: Sequence[Event]) -> list[Turn]:
    """Return an episode's turns by time."""
    turns = [Turn(str(alert["opened_at"]), "opened")]
    if alert.get("fired_at") is not None:
        turns.append(Turn(str(alert["fired_at"]), "fired"))
    mine = [one for one in steps if one.alert_id == alert.get("alert_id")]
    for before, step in pairwise(mine):
        if step.severity != before.severity:
            turns.append(Turn(step.event_time, "severity", step.severity))
    turns += [
        Turn(str(one["event_time"]), str(one["action"]), "", str(one["by"]), str(one.get("text") or ""))
        for one in deeds
    ]
    if alert.get("resolved_at") is not None:
        turns.append(Turn(str(alert["resolved_at"]), "resolved", str(alert.get("resolved_by") or "")))
    return sorted(turns, key=lambda one: one.when)


def earlier_episodes(alert: Mapping[str, Any], steps: Sequence[Step]) -> list[Episode]:
    """Return the episodes before this one that the topic still tells of, the latest first."""
    found: dict[str, Episode] = {}
    for step in steps:
        if step.alert_id == alert.get("alert_id"):
            break
        known = found.get(step.alert_id)
        opened = known.opened_at if known is not None else step.event_time
        found[step.alert_id] = Episode(opened, step.severity, step.event_time if step.state == "resolved" else None)
    return list(found.values())[::-1]
