"""Rows of the topic `incidents`: one revision of one incident, with its words."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import pyarrow as pa

from operators.incident_cause import cause_of
from operators.incident_memory import Incident, Sight
from operators.incident_places import Neighbours
from operators.incident_site import News
from operators.incident_words import Told, cause_in_words, is_chinese, summary_in_words, told_of_sights
from operators.operator import CAUSE
from schemas.incidents import INCIDENT
from schemas.severity import SEVERITIES

EMITTED: Final = pa.schema([*INCIDENT, *CAUSE])
MOST_LISTED: Final = 50
# One that touches so many devices is a step worse than the worst of its evidence.
MANY_DEVICES: Final = 3


class IncidentRows:
    """Collects revisions of incidents and makes one batch of them."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []

    def add(
        self,
        site: str,
        news: News,
        neighbours: Neighbours,
        language: str,
        *,
        event_time: int,
        row: int | None = None,
        deadline: int | None = None,
    ) -> None:
        """Add one revision. `event_time` is its cause's: of the input row `row`, or the deadline."""
        incident, resolved_at = news.incident, news.resolved_at
        told = _told(site, news, neighbours)
        chinese = is_chinese(language)
        signals = sorted(incident.signals.values(), key=lambda one: (one.opened_at, one.alert_id))
        state = "resolved" if resolved_at is not None else "open" if incident.revision == 1 else "updated"
        self._rows.append(
            {
                "incident_id": incident.incident_id,
                "revision": incident.revision,
                "site": site,
                "event_time": event_time,
                "state": state,
                "severity": SEVERITIES[told.severity],
                "probable_cause_device_id": told.cause,
                "probable_cause": cause_in_words(told, chinese=chinese),
                "summary": summary_in_words(told, chinese=chinese),
                "language": "zh-CN" if chinese else "en",
                "category": told.category,
                "devices": incident.devices[:MOST_LISTED],
                "device_count": told.device_count,
                "evidence_kinds": incident.kinds[:],
                "alert_ids": [one.alert_id for one in signals],
                "alert_count": len(signals) + incident.more_alerts,
                "event_count": sum(one.count for one in signals) + incident.more_events,
                "started_at": incident.started_at,
                "opened_at": incident.opened_at,
                "updated_at": incident.updated_at,
                "resolved_at": resolved_at,
                "duration_s": None if resolved_at is None else (resolved_at - incident.started_at) / 1e6,
                "timeline": [_entry(one) for one in (*incident.first, *incident.last)],
                "probable_cause_type": told.cause_type,
                "hanging_count": told.above,
                "evidence_counts": [count for _, count in told.counts],
                "_row": row,
                "_deadline": deadline,
                "_key": site,
            }
        )

    def batch(self) -> pa.RecordBatch:
        """Return the revisions in the order in which they were added."""
        columns = [pa.array([row[field.name] for row in self._rows], field.type) for field in EMITTED]
        return pa.RecordBatch.from_arrays(columns, schema=EMITTED)


def _told(site: str, news: News, neighbours: Neighbours) -> Told:
    incident = news.incident
    cause = cause_of(incident, neighbours)
    place = neighbours.place(cause, incident.updated_at)
    others = [one for one in incident.devices if one != cause]
    above = sum(cause in neighbours.ancestors(one, incident.updated_at) for one in others)
    sights = [*incident.first, *incident.last]
    device_count = len(incident.devices) + incident.more_devices
    return Told(
        site=site,
        severity=max(0, incident.severity - (device_count >= MANY_DEVICES)),
        category=_category(incident),
        cause=cause,
        cause_type=None if place is None else place.type,
        above=above,
        silent=cause not in incident.devices,
        devices=[*([cause] if cause in incident.devices else []), *others],
        device_count=device_count,
        counts=[(kind, _count(incident, kind)) for kind in incident.kinds],
        **told_of_sights(sights, cause),
        updated_at=incident.updated_at,
        resolved_at=news.resolved_at,
    )


def _count(incident: Incident, kind: str) -> int:
    # Of signals that were let go only the number is known; they are not named by kind.
    return sum(one.kind == kind for one in incident.signals.values())


def _category(incident: Incident) -> str | None:
    """Return the kind of trouble that most of the evidence tells of; of equals, the one that came first."""
    told = Counter(one.family for one in incident.signals.values() if one.family is not None)
    return max(told, key=lambda family: told[family]) if told else None


def _entry(sight: Sight) -> dict[str, Any]:
    return {
        "event_id": sight.event_id,
        "event_time": sight.event_time,
        "device_id": sight.device_id,
        "kind": sight.kind,
        "alert_id": sight.alert_id,
        "severity": SEVERITIES[sight.severity],
        "text": sight.text,
    }
