"""Alerts as a person's command asks for them by their labels, those of their devices' places among them."""

from __future__ import annotations

from collections.abc import Sequence

from infra.broker import Broker
from pipelines.device_registry import registry_of
from pipelines.notify.alert import Alert, any_alert_of
from pipelines.seen_event import SeenEvent


def located(broker: Broker, alerts: Sequence[SeenEvent]) -> list[Alert]:
    """Return the alerts of these events of the topic `alerts`, which must be events, with where their devices stood."""
    events = [one.event or {} for one in alerts]
    registry = registry_of(broker, {str(event.get("device_id")) for event in events})
    return [any_alert_of(event, registry) for event in events]
