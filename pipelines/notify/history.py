"""What was told and what failed, as `alerts.notifications` says it: for whoever asks how the notifier is doing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from infra.broker import Broker
from pipelines.records_in_order import begin_of, end_of, records_in_order
from pipelines.seen_event import see
from schemas.notifications import NOTIFICATIONS

Event = dict[str, Any]


@dataclass(slots=True)
class ReceiverHistory:
    """Of one receiver: the last step of each notification that is not delivered, and how many were."""

    delivered: int = 0
    last_delivered: str = ""
    on_their_way: dict[str, Event] = field(default_factory=dict)
    given_up: list[Event] = field(default_factory=list)

    @property
    def failing(self) -> list[Event]:
        """Return what is on its way and has failed at least once."""
        return [one for one in self.on_their_way.values() if one.get("state") == "failed"]


def told(broker: Broker) -> dict[str, ReceiverHistory]:
    """Return what is kept of what each receiver was told, by its name."""
    name = NOTIFICATIONS.name
    seen = see(records_in_order(broker, begin_of(broker, name), end_of(broker, name)))
    return fold(one.event for one in seen if one.event is not None)


def fold(events: Iterable[Event]) -> dict[str, ReceiverHistory]:
    """Fold the steps of notifications, in their order."""
    found: dict[str, ReceiverHistory] = defaultdict(ReceiverHistory)
    for event in events:
        history, id_ = found[str(event.get("receiver"))], str(event.get("id"))
        match event.get("state"):
            case "delivered":
                history.delivered += 1
                history.last_delivered = str(event.get("event_time"))
                history.on_their_way.pop(id_, None)
            case "given_up":
                history.given_up.append(event)
                history.on_their_way.pop(id_, None)
            case "decided" | "failed":
                history.on_their_way[id_] = event
    return dict(sorted(found.items()))
