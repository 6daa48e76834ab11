"""Every open incident and the last ones that are over, kept current by a follower of their topic."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Final

import orjson

from pipelines.records_in_order import Places
from pipelines.seen_event import SeenEvent
from schemas.severity import SEVERITIES

MOST_ENDED: Final = 2000


@dataclass(frozen=True, slots=True)
class Known:
    """One incident as lists and comparisons need it; `event` is all of it, as JSON."""

    incident_id: str
    revision: int
    site: str
    state: str
    severity: str
    category: str
    cause_device: str
    cause: str
    started_at: str
    devices: tuple[str, ...]
    kinds: frozenset[str]
    alert_ids: tuple[str, ...]
    event: bytes

    @property
    def is_open(self) -> bool:
        """Whether it lasts."""
        return self.state != "resolved"

    @property
    def rank(self) -> int:
        """How bad it is: 0 is the worst."""
        return SEVERITIES.index(self.severity) if self.severity in SEVERITIES else len(SEVERITIES)

    def json(self) -> dict[str, Any]:
        """Return all of it."""
        whole: dict[str, Any] = orjson.loads(self.event)
        return whole


class IncidentBoard:
    """What is known of incidents. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, Known] = {}
        self._ended: dict[str, Known] = {}
        self._of_alert: dict[str, str] = {}

    def all(self) -> list[Known]:
        """Return the open ones, the worst first, then those that are over, the latest first."""
        with self._lock:
            found, ended = list(self._open.values()), list(self._ended.values())
        found.sort(key=lambda one: (one.rank, one.started_at))
        ended.sort(key=lambda one: one.started_at, reverse=True)
        return found + ended

    def find(self, incident_id: str) -> Known | None:
        """Return one incident; None for one that is not known, or was over long ago."""
        with self._lock:
            return self._open.get(incident_id) or self._ended.get(incident_id)

    def of_alert(self, alert_id: str) -> Known | None:
        """Return the incident that an alert belongs to."""
        with self._lock:
            name = self._of_alert.get(alert_id, "")
            return self._open.get(name) or self._ended.get(name)

    def go_on(self, places: Places) -> None:
        """Where reading goes on is the follower's business."""

    def take(self, seen: SeenEvent) -> None:
        """Take one record; of an incident's revisions the highest holds."""
        if seen.event is None or seen.problem is not None:
            return
        known = _known(seen.event)
        with self._lock:
            before = self._open.get(known.incident_id) or self._ended.get(known.incident_id)
            if before is not None and before.revision > known.revision:
                return
            self._drop(before)
            (self._open if known.is_open else self._ended)[known.incident_id] = known
            for alert_id in known.alert_ids:
                self._of_alert[alert_id] = known.incident_id
            if len(self._ended) > MOST_ENDED:
                self._drop(self._ended[next(iter(self._ended))])

    def _drop(self, known: Known | None) -> None:
        if known is None:
            return
        self._open.pop(known.incident_id, None)
        self._ended.pop(known.incident_id, None)
        for alert_id in known.alert_ids:
            if self._of_alert.get(alert_id) == known.incident_id:
                del self._of_alert[alert_id]


def _known(event: dict[str, Any]) -> Known:
    return Known(
        incident_id=str(event["incident_id"]),
        revision=int(event["revision"]),
        site=str(event["site"]),
        state=str(event["state"]),
        severity=str(event["severity"]),
        category=str(event.get("category") or ""),
        cause_device=str(event["probable_cause_device_id"]),
        cause=str(event["probable_cause"]),
        started_at=str(event["started_at"]),
        devices=tuple(str(one) for one in event["devices"]),
        kinds=frozenset(str(one) for one in event["evidence_kinds"]),
        alert_ids=tuple(str(one) for one in event["alert_ids"]),
        # orjson leaves 8 KB behind each text, however short it is; what stays here is cut to its length.
        event=memoryview(orjson.dumps(event)).tobytes(),
    )
