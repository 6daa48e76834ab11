"""What the notifier reads: alerts from where it stands, silences and devices as they are, what people did to alerts.

Where devices stand is read to the end before any alert is taken, so that alerts are told with their places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from msgspec.structs import replace

from infra.broker import Broker, TopicPartition
from pipelines.device_registry import DeviceRegistry
from pipelines.notify.alert import alert_of, incident_of
from pipelines.notify.decisions import Decisions
from pipelines.notify.wording import Wording
from pipelines.records_in_order import begin_of, end_of, records_in_order
from pipelines.seen_event import SeenEvent, see
from pipelines.silences import Silence, latest_silences
from schemas.alert_actions import ALERTS_ACTIONS
from schemas.alerts import ALERTS
from schemas.devices import DEVICES
from schemas.incidents import INCIDENTS
from schemas.silences import SILENCES

MOST_RECORDS: Final = 5000
"""In one round, so that what is due is told while an alert storm is read."""

Places = dict[TopicPartition, int]


class Sources:
    """Reads on from `places`, which are to be remembered with what was decided from them."""

    def __init__(self, broker: Broker, topics: Sequence[str] = (ALERTS.name,), wording: Wording | None = None) -> None:
        self._broker = broker
        self._wording = wording or Wording()
        self._topics = tuple(topics)
        self.places: Places = {}
        self.is_caught_up = False
        self._begun_at: Places = {}
        self._silences: dict[str, Silence] = {}
        self._silence_places: Places = {}
        self._registry = DeviceRegistry()
        self._registry_places: Places = {}
        self._knows_devices = False

    def begin(self, places: Mapping[TopicPartition, int]) -> None:
        """Go on from these places; what is not among them is read from its beginning.

        Until everything that lies there now has been read, what is known may be old news: `is_caught_up` is false.
        """
        self.places = dict(places)
        self._begun_at = {}
        for topic in (*self._topics, ALERTS_ACTIONS.name):
            self._begun_at.update(end_of(self._broker, topic))
        self.is_caught_up = False
        self._silences, self._silence_places = {}, {}
        self._registry, self._registry_places, self._knows_devices = DeviceRegistry(), {}, False

    def read(self, decisions: Decisions, now_us: int) -> bool:
        """Take what is new, a few thousand records at most; True when alerts, actions or places of devices came."""
        self._read_silences(decisions)
        moved = self._read_registry(decisions, now_us)
        if not self._knows_devices:
            return moved
        for topic in self._topics:
            for seen in self._new(topic, self.places):
                moved = True
                self._take_alert(decisions, seen, now_us)
        for seen in self._new(ALERTS_ACTIONS.name, self.places):
            moved = True
            self._take_action(decisions, seen)
        self.is_caught_up = self.is_caught_up or all(
            self.places.get(part, 0) >= end for part, end in self._begun_at.items()
        )
        return moved

    def _new(self, topic: str, places: Places) -> Iterator[SeenEvent]:
        """Give what lies behind these places, which move on with it."""
        ends = end_of(self._broker, topic)
        if all(places.get(part) == end for part, end in ends.items()):
            return
        firsts = begin_of(self._broker, topic)
        starts = {part: max(firsts.get(part, 0), places.get(part, 0)) for part in ends}
        places.update(starts)
        records = records_in_order(self._broker, starts, ends)
        for seen in see(islice(records, MOST_RECORDS)):
            yield seen
            places[seen.part] = seen.record.offset + 1
        if next(records, None) is None:  # behind the last record there may be holes
            places.update(ends)

    def _take_alert(self, decisions: Decisions, seen: SeenEvent, now_us: int) -> None:
        if seen.event is not None:
            is_incident = seen.part.topic == INCIDENTS.name
            alert = incident_of(seen.event) if is_incident else alert_of(seen.event, self._registry)
            if alert is not None:
                tell = self._wording.of_incident if is_incident else self._wording.of_alert
                decisions.take(replace(alert, in_language=tell(seen.event)), now_us)
        elif seen.record.value is None and seen.record.key is not None:
            decisions.forget(seen.record.key.decode("utf-8", "replace"), now_us)

    def _take_action(self, decisions: Decisions, seen: SeenEvent) -> None:
        event = seen.event or {}
        action, alert_id = event.get("action"), event.get("alert_id")
        if action in ("acknowledge", "unacknowledge"):
            decisions.acknowledge(
                str(event.get("fingerprint")),
                None if alert_id is None else str(alert_id),
                taken=action == "acknowledge",
            )

    def _read_registry(self, decisions: Decisions, now_us: int) -> bool:
        for seen in self._new(DEVICES.name, self._registry_places):
            self._registry.take(seen)
        changed = self._registry.changed()
        decisions.relocate(changed, self._registry.labels, now_us)
        if not self._knows_devices:
            ends = end_of(self._broker, DEVICES.name)
            self._knows_devices = all(self._registry_places.get(part, 0) >= end for part, end in ends.items())
        return bool(changed)

    def _read_silences(self, decisions: Decisions) -> None:
        ends = end_of(self._broker, SILENCES.name)
        starts = {part: self._silence_places.get(part, 0) for part in ends}
        if starts == ends:
            return
        self._silences = latest_silences(self._silences, see(records_in_order(self._broker, starts, ends)))
        self._silence_places = ends
        decisions.set_silences(self._silences)
