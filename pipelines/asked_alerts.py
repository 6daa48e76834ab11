"""The alerts that somebody asks for, as they are now, with what people did to them; and each change after that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infra.broker import Broker
from pipelines.alert_actions import actions_of, add_actions, joined
from pipelines.device_registry import DeviceRegistry, registry_before, registry_of
from pipelines.event_choice import EventChoice
from pipelines.event_lines import has_fired, severity_of
from pipelines.latest_records import latest_records
from pipelines.notify.alert import any_alert_of
from pipelines.records_in_order import end_of
from pipelines.seen_event import SeenEvent
from schemas.alert_actions import ALERTS_ACTIONS
from schemas.alerts import ALERTS
from schemas.devices import DEVICES
from schemas.severity import SEVERITIES


class AskedAlerts:
    """What a broker knows of alerts now, and with `follow` from now on.

    `all_` asks for resolved and pending ones, too; `placed` for where their devices stand, as `place`. `ends` is where
    reading goes on, by topic, in the order in which a round is to read them.
    """

    def __init__(self, broker: Broker, choice: EventChoice, *, all_: bool, placed: bool, follow: bool) -> None:
        self._choice = choice
        self._all = all_
        self._placed = placed
        self.ends = {topic.name: end_of(broker, topic.name) for topic in (ALERTS, ALERTS_ACTIONS)}
        latest = latest_records(broker, ALERTS.name, self.ends[ALERTS.name])
        self._latest = {str((one.event or {}).get("fingerprint")): one for one in latest}
        self._actions = actions_of(broker, self.ends[ALERTS_ACTIONS.name])
        self._registry = DeviceRegistry()
        if follow and (placed or choice.matchers):
            ends = end_of(broker, DEVICES.name)
            self._registry = registry_before(broker, ends)
            self.ends = {DEVICES.name: ends, **self.ends}
        elif placed or choice.matchers:
            events = (one.event or {} for one in latest)
            devices = {str(event.get("device_id")) for event in events if all_ or event.get("state") != "resolved"}
            self._registry = registry_of(broker, devices)

    def listed(self, since_us: int | None = None) -> list[SeenEvent]:
        """Return those that are asked for, the worst first; only what arrived since then, by the broker's clock."""
        found = [
            self._shown(one)
            for one in self._latest.values()
            if (self._all or (one.event or {}).get("state") != "resolved")
            and self._takes(one.event or {})
            and (since_us is None or one.record.timestamp_us >= since_us)
        ]
        return sorted(found, key=lambda one: (_rank(one.event or {}), str((one.event or {}).get("opened_at"))))

    def changed_by(self, seen: SeenEvent) -> list[SeenEvent]:
        """Take a record; return the alerts that are asked for and that it changes, as they are now: resolved, too."""
        if seen.part.topic == DEVICES.name:
            self._registry.take(seen)
            return []
        if seen.part.topic == ALERTS_ACTIONS.name:
            changed = add_actions(self._actions, [seen])
        elif seen.event is not None:
            changed = {str(seen.event.get("fingerprint"))}
            self._latest.update(dict.fromkeys(changed, seen))
        else:
            self._latest.pop((seen.record.key or b"").decode("utf-8", "replace"), None)
            changed = set()
        found = (self._latest[one] for one in changed if one in self._latest)
        return [self._shown(one) for one in found if self._takes(one.event or {})]

    def _takes(self, event: Mapping[str, Any]) -> bool:
        return (self._all or has_fired(event)) and self._choice.takes(event, self._registry)

    def _shown(self, seen: SeenEvent) -> SeenEvent:
        event = joined(seen.event or {}, self._actions)
        place = any_alert_of(event, self._registry).place if self._placed else {}
        return replace(seen, event=event | {"place": place} if place else event)


def _rank(event: Mapping[str, Any]) -> int:
    severity = severity_of(event)
    return SEVERITIES.index(severity) if severity else len(SEVERITIES)
