"""An alert as the notifier knows it: what routes, groups and words are made from, and no more."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from pipelines.bad_input import BadInput
from pipelines.device_registry import DeviceRegistry
from pipelines.since import time_us
from schemas.safe_text import safe_text
from schemas.severity import SEVERITIES

MOST_LABELS = 64
MOST_LABEL = 256
MOST_SUMMARY = 1000


class Alert(Struct, frozen=True, omit_defaults=True):
    """One alert at one moment. Times are its events', in microseconds since 1970; texts are bounded, not yet safe.

    `labels` are its own and those of its device's place at `at_us`, which `placed` names.
    """

    fingerprint: str
    alert_id: str
    revision: int
    labels: dict[str, str]
    severity: str
    summary: str
    opened_us: int
    updated_us: int
    count: int = 1
    firing: bool = True
    acknowledged: bool = False
    resolved_us: int | None = None
    annotations: dict[str, str] = {}
    in_language: dict[str, dict[str, str]] = {}  # by language: `summary` and annotations that are worded otherwise
    device_id: str = ""
    at_us: int = 0
    placed: tuple[str, ...] = ()

    @property
    def rank(self) -> int:
        """How bad it is: 0 is the worst."""
        return SEVERITIES.index(self.severity)

    @property
    def place(self) -> dict[str, str]:
        """The labels that are not its own but its device's place's."""
        return {name: self.labels[name] for name in self.placed}

    def at_place(self, place: Mapping[str, str]) -> Alert:
        """Return it with the labels of a place instead of those that it had; its own labels win."""
        own = {name: value for name, value in self.labels.items() if name not in self.placed}
        given = {name: value for name, value in place.items() if name not in own}
        return self if given == self.place else replace(self, labels=own | given, placed=tuple(given))


def alert_of(event: Mapping[str, object], registry: DeviceRegistry | None = None) -> Alert | None:
    """Read an event of the topic `alerts`; None for what nobody is to be told of (yet): an alert that never fired."""
    return None if event.get("fired_at") is None else any_alert_of(event, registry)


def any_alert_of(event: Mapping[str, object], registry: DeviceRegistry | None = None) -> Alert:
    """Read an event of the topic `alerts`, whether it ever fired or not.

    Its labels are those of the alert, and its `severity` and `category` under these names, and where its device stood
    at the event's time (`site`, `room`, `type`, `upstream`), unless it has labels of these names itself.
    """
    severity = event.get("severity")
    labels = _texts(event.get("labels"), MOST_LABEL)
    also = {"alertname": event.get("rule"), "device_id": event.get("device_id"), "severity": severity}
    for name, value in {**also, "category": event.get("category")}.items():
        if isinstance(value, str) and value:
            labels.setdefault(name, value[:MOST_LABEL])
    opened = _time(event.get("opened_at")) or 0
    device_id, at_us = str(event.get("device_id") or ""), _time(event.get("event_time")) or opened
    alert = Alert(
        fingerprint=str(event.get("fingerprint")),
        alert_id=str(event.get("alert_id")),
        revision=_whole(event.get("revision")),
        labels=labels,
        severity=severity if isinstance(severity, str) and severity in SEVERITIES else "indeterminate",
        summary=str(event.get("summary") or "")[:MOST_SUMMARY],
        opened_us=opened,
        updated_us=_time(event.get("updated_at")) or opened,
        count=_whole(event.get("count")),
        firing=event.get("state") == "firing",
        acknowledged=event.get("acknowledged_at") is not None,
        resolved_us=_time(event.get("resolved_at")),
        annotations=_texts(event.get("annotations"), MOST_SUMMARY),
        device_id=device_id,
        at_us=at_us,
    )
    return alert if registry is None else alert.at_place(registry.labels(device_id, at_us))


def incident_of(event: Mapping[str, object]) -> Alert:
    """Read an event of the topic `incidents` as an alert named `incident`; its device is the probable cause's."""
    severity = event.get("severity")
    named = {
        "alertname": "incident",
        "site": event.get("site"),
        "device_id": event.get("probable_cause_device_id"),
        "severity": severity,
        "category": event.get("category"),
    }
    opened = _time(event.get("started_at")) or 0
    return Alert(
        fingerprint=str(event.get("incident_id")),
        alert_id=str(event.get("incident_id")),
        revision=_whole(event.get("revision")),
        labels={name: value[:MOST_LABEL] for name, value in named.items() if isinstance(value, str) and value},
        severity=severity if isinstance(severity, str) and severity in SEVERITIES else "indeterminate",
        summary=str(event.get("summary") or "")[:MOST_SUMMARY],
        opened_us=opened,
        updated_us=_time(event.get("updated_at")) or opened,
        count=_whole(event.get("event_count")),
        firing=event.get("state") != "resolved",
        resolved_us=_time(event.get("resolved_at")),
        annotations={"probable_cause": str(event.get("probable_cause") or "")[:MOST_SUMMARY]},
    )


def safe_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return labels fit to be shown."""
    return {safe_text(name, 64): safe_text(value, MOST_LABEL) for name, value in labels.items()}


def _texts(value: object, most: int) -> dict[str, str]:
    pairs = value.items() if isinstance(value, dict) else ()
    return {str(name)[:MOST_LABEL]: str(text)[:most] for name, text in [*pairs][:MOST_LABELS] if text is not None}


def _time(value: object) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        return time_us(value, 0)
    except BadInput:
        return None


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
