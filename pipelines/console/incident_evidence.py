"""The evidence of an incident: its timeline, each entry completed by what its alert or the enriched event says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from infra.broker import Broker
from pipelines.console.events_near import event_us, events_near
from pipelines.console.evidence import Before, Evidence, evidence_of, lines_before
from pipelines.console.marked_text import Piece
from pipelines.incident_timeline import timeline_of
from pipelines.serve.board import Board, Posted
from schemas.answers import (
    ALARMS_ENRICHED,
    CUSTOMER_MESSAGES_ENRICHED,
    DEVICE_LOGS_ENRICHED,
    DEVICE_TELEMETRY_ENRICHED,
)

MOST_DEVICES_COMPARED: Final = 6
MOST_LOOKED_UP: Final = 8
TOPIC_OF: Final = {
    "log": DEVICE_LOGS_ENRICHED.name,
    "message": CUSTOMER_MESSAGES_ENRICHED.name,
    "alarm": ALARMS_ENRICHED.name,
    "telemetry": DEVICE_TELEMETRY_ENRICHED.name,
}
LABEL_OF: Final = {"log": "category", "message": "urgency", "alarm": "severity", "telemetry": "anomaly"}
"""The answer that is shown of an event of each kind, where no alert says which."""


@dataclass(frozen=True, slots=True)
class IncidentEvidence:
    """`timeline` is what the incident itself lists; `all` adds what its alerts know beside that, both by time."""

    timeline: list[Evidence]
    all: list[Evidence]
    alerts: list[tuple[Posted, dict[str, Any]]]


def incident_evidence(broker: Broker, board: Board, incident: Mapping[str, Any]) -> IncidentEvidence:
    """Return what is known of an incident's events; what no alert tells any more is looked up in its topic."""
    alerts = [_with_event(board, one) for one in _posted(board, incident)]
    entries = timeline_of(incident)
    told = {str(one.get("event_id")) for _, event in alerts for one in event.get("evidence") or ()}
    found = _looked_up(broker, [one for one in entries if str(one.get("event_id")) not in told])
    events = [*(event for _, event in alerts), *found]
    before = _before(broker, events, event_us({"event_time": incident.get("started_at")}) or 0)
    by_id: dict[str, Evidence] = {}
    for event in events:
        for one in evidence_of(event, before.get(str(event.get("device_id")))):
            by_id.setdefault(one.event_id, one)
    timeline = [_entry(entry, by_id) for entry in entries]
    everything = {one.event_id: one for one in (*by_id.values(), *timeline)}
    return IncidentEvidence(timeline, sorted(everything.values(), key=lambda one: one.when), alerts)


def in_groups(evidence: Iterable[Evidence]) -> list[list[Evidence]]:
    """Return evidence in groups that a person reads as one: readings that follow one another; others by themselves."""
    groups: list[list[Evidence]] = []
    for one in evidence:
        if groups and one.kind == "telemetry" and groups[-1][-1].kind == "telemetry":
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def _posted(board: Board, incident: Mapping[str, Any]) -> list[Posted]:
    found = (board.alert_of_id(str(one)) for one in incident.get("alert_ids") or ())
    return [one for one in found if one is not None]


def _with_event(board: Board, posted: Posted) -> tuple[Posted, dict[str, Any]]:
    event: dict[str, Any] = orjson.loads(board.json(posted))
    return posted, event


def _looked_up(broker: Broker, entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return events that entries name, in the shape of an alert's; of MOST_LOOKED_UP devices and kinds."""
    wanted: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for entry in entries:
        at = event_us({"event_time": entry.get("event_time")})
        if at is not None and entry.get("kind") in TOPIC_OF:
            wanted[str(entry["kind"]), str(entry.get("device_id"))][str(entry.get("event_id"))] = at
    found = []
    for (kind, device), ids in list(wanted.items())[:MOST_LOOKED_UP]:
        near = events_near(broker, TOPIC_OF[kind], device, min(ids.values()), max(ids.values()))
        evidence = [one for event in near.events if (one := _as_evidence(event, kind)) and one["event_id"] in ids]
        found.append({"device_id": device, "evidence": evidence})
    return found


def _as_evidence(event: Mapping[str, Any], kind: str) -> dict[str, Any] | None:
    answers = event.get("hubbub")
    if not isinstance(answers, dict) or not isinstance(answers.get("input"), dict):
        return None
    said = answers.get(LABEL_OF[kind])
    answer = said if isinstance(said, dict) else {}
    return {
        "event_id": answers["input"].get("event_id"),
        "kind": kind,
        "event_time": event.get("event_time"),
        "text": event.get("message") if kind == "log" else event.get("text"),
        "words": answer.get("words"),
        "template": answers.get("template"),
        "label": answer.get("kind") if kind == "telemetry" else answer.get("label"),
        "score": answer.get("score"),
        "metric": event.get("metric"),
        "value": event.get("value"),
        "expected_low": answer.get("expected_low"),
        "expected_high": answer.get("expected_high"),
    }


def _before(broker: Broker, alerts: Sequence[Mapping[str, Any]], began_us: int) -> dict[str, Before | None]:
    """Return what the first devices that wrote lines had written before it all began."""
    wrote = (
        str(alert.get("device_id"))
        for alert in alerts
        if any(one.get("kind") == "log" for one in alert.get("evidence") or ())
    )
    devices = list(dict.fromkeys(wrote))[:MOST_DEVICES_COMPARED]
    return {device: lines_before(broker, device, began_us) for device in devices}


def _entry(entry: Mapping[str, Any], known: Mapping[str, Evidence]) -> Evidence:
    device = str(entry.get("device_id"))
    found = known.get(str(entry.get("event_id")))
    if found is not None:
        return replace(found, device_id=device)
    return Evidence(
        event_id=str(entry.get("event_id")),
        kind=str(entry.get("kind")),
        when=str(entry.get("event_time")),
        device_id=device,
        pieces=(Piece(str(entry.get("text") or "")),),
    )
