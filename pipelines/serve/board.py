"""The board: every open alert and what happened last, kept current by whoever follows their topics (`follower.py`)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import orjson

from infra.broker import Broker
from pipelines.alert_actions import Event, Standing, actions_in, actions_on, joined, standing_of
from pipelines.device_registry import DeviceRegistry
from pipelines.notify.alert import Alert, alert_of
from pipelines.records_in_order import Places, begin_of, end_of, records_in_order
from pipelines.seen_event import SeenEvent, see
from pipelines.serve.follower import Follows
from schemas.alert_actions import ALERTS_ACTIONS
from schemas.alerts import ALERTS
from schemas.devices import DEVICES
from schemas.matcher import Matcher, match_all
from schemas.severity import SEVERITIES

MOST_CHANGES: Final = 5000
MOST_ENDED: Final = 500
MOST_ACTIONS: Final = 200
"""On one alert."""
MOST_STEPS: Final = 40
"""So many of the last turns of one fingerprint are known."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which alerts somebody asks for."""

    devices: frozenset[str] = frozenset()
    least: str | None = None
    matchers: tuple[Matcher, ...] = ()

    def takes(self, alert: Alert) -> bool:
        """Tell whether an alert is asked for."""
        if self.devices and alert.labels.get("device_id") not in self.devices:
            return False
        if self.least is not None and alert.rank > SEVERITIES.index(self.least):
            return False
        return not self.matchers or match_all(self.matchers, alert.labels)


@dataclass(frozen=True, slots=True)
class Posted:
    """One alert on the board, with its event as JSON, without its place and what people did to it."""

    alert: Alert
    event: bytes


@dataclass(frozen=True, slots=True)
class Step:
    """One turn in the history of a fingerprint: it opened, fired, became worse, ended."""

    alert_id: str
    event_time: str
    state: str
    severity: str
    count: int
    resolved_by: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened. `id` says where to go on behind it, in this process or another."""

    number: int
    id: str
    posted: Posted


class Board:
    """What is known of alerts. A follower hands it the records of `follows()`; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: Places = {}
        self.registry = DeviceRegistry()
        self._open: dict[str, Posted] = {}
        self._ended: dict[str, Posted] = {}
        self._actions: dict[str, list[Event]] = {}
        self._steps: dict[str, deque[Step]] = {}
        self._by_id: dict[str, str] = {}
        self._changes: deque[Change] = deque(maxlen=MOST_CHANGES)
        self._count = 0

    def follows(self) -> Mapping[str, Follows]:
        """Return what takes the records of which topic."""
        return {DEVICES.name: _Devices(self), ALERTS.name: self, ALERTS_ACTIONS.name: _Actions(self)}

    def find(self, wanted: Filter, *, ended: bool = False) -> list[Posted]:
        """Return the open alerts that are asked for, the worst first; with `ended` also the last ones that are over."""
        with self._lock:
            found = [*self._open.values(), *(self._ended.values() if ended else ())]
        chosen = [one for one in found if wanted.takes(one.alert)]
        return sorted(chosen, key=lambda one: (not one.alert.firing, one.alert.rank, one.alert.opened_us))

    def alert(self, fingerprint: str) -> Posted | None:
        """Return one alert; None for one that is not known, or was over long ago."""
        with self._lock:
            return self._open.get(fingerprint) or self._ended.get(fingerprint)

    def alert_of_id(self, alert_id: str) -> Posted | None:
        """Return an alert by the id of its episode; None for one that is not known, or had a later episode."""
        with self._lock:
            fingerprint = self._by_id.get(alert_id, "")
            return self._open.get(fingerprint) or self._ended.get(fingerprint)

    def steps(self, fingerprint: str) -> list[Step]:
        """Return the last turns of a fingerprint that are still in the topic, in order."""
        with self._lock:
            return [*self._steps.get(fingerprint, ())]

    def standing(self, posted: Posted) -> Standing:
        """Return what people did to an alert."""
        with self._lock:
            actions = list(self._actions.get(posted.alert.fingerprint, ()))
        return standing_of(orjson.loads(posted.event), actions) if actions else Standing()

    def deeds(self, posted: Posted) -> list[Event]:
        """Return what people did to an alert, in order."""
        with self._lock:
            actions = list(self._actions.get(posted.alert.fingerprint, ()))
        return actions_on(orjson.loads(posted.event), actions) if actions else []

    def acknowledged(self) -> frozenset[str]:
        """Return the ids of the alerts on the board that somebody has acknowledged."""
        with self._lock:
            acted = [self._open.get(one) or self._ended.get(one) for one in self._actions]
        known = (one for one in acted if one is not None)
        return frozenset(one.alert.alert_id for one in known if self.standing(one).acknowledged_at is not None)

    def json(self, posted: Posted) -> bytes:
        """Return an alert as JSON, with where its device stood (`place`) and what people did to it."""
        with self._lock:
            actions = list(self._actions.get(posted.alert.fingerprint, ()))
        place = posted.alert.place
        if not actions and not place:
            return posted.event
        event = joined(orjson.loads(posted.event), {posted.alert.fingerprint: actions})
        return orjson.dumps(event | {"place": place} if place else event)

    def latest(self, most: int) -> list[Posted]:
        """Return the alerts that changed last, the latest first."""
        with self._lock:
            found = [*self._open.values(), *self._ended.values()]
        return sorted(found, key=lambda one: (-one.alert.updated_us, one.alert.fingerprint))[:most]

    @property
    def number(self) -> int:
        """How many changes there have been since this process began."""
        return self._count

    def after(self, number: int) -> list[Change] | None:
        """Return the changes behind this one; None when they are no longer all here."""
        with self._lock:
            missing = self._count - number
            if missing > len(self._changes):
                return None
            return [] if missing <= 0 else [*self._changes][-missing:]

    def number_of(self, id_: str) -> int | None:
        """Return the number of the first change of this id; None when it is no longer here.

        What people do to alerts has the id of the alert before it, so a client may see it again, but never miss it.
        """
        with self._lock:
            return next((one.number for one in self._changes if one.id == id_), None)

    def go_on(self, places: Places) -> None:
        """Hear where reading goes on."""
        with self._lock:
            self._places = dict(places)

    def take(self, seen: SeenEvent) -> None:
        """Take a record of an alert."""
        key = (seen.record.key or b"").decode("utf-8", "replace")
        alert = alert_of(seen.event, self.registry) if seen.event is not None else None
        with self._lock:
            self._places[seen.part] = seen.record.offset + 1
            if seen.event is not None:
                self._note_step(key, seen.event)
            if alert is None:
                if seen.record.value is None:
                    self._forget(key, self._open.pop(key, None))
                elif key not in self._open and key not in self._ended and not _lasts(seen.event):
                    self._steps.pop(key, None)  # it never fired, and is over
                return
            # orjson leaves 8 KB behind each text, however short it is; what stays here is cut to its length.
            posted = Posted(alert, memoryview(seen.to_json()).tobytes())
            before = self._open.pop(alert.fingerprint, None) or self._ended.pop(alert.fingerprint, None)
            if before is not None and before.alert.alert_id != alert.alert_id:
                self._by_id.pop(before.alert.alert_id, None)
            self._by_id[alert.alert_id] = alert.fingerprint
            (self._open if alert.firing else self._ended)[alert.fingerprint] = posted
            if len(self._ended) > MOST_ENDED:
                gone = next(iter(self._ended))
                self._forget(gone, self._ended.pop(gone))
            self._add(posted)

    def _note_step(self, key: str, event: Event) -> None:
        step = Step(
            str(event.get("alert_id")),
            str(event.get("event_time")),
            str(event.get("state")),
            str(event.get("severity")),
            count if isinstance(count := event.get("count"), int) else 0,
            None if event.get("resolved_by") is None else str(event["resolved_by"]),
        )
        steps = self._steps.get(key)
        last = steps[-1] if steps else None
        if last is None or (last.alert_id, last.state, last.severity) != (step.alert_id, step.state, step.severity):
            self._steps.setdefault(key, deque(maxlen=MOST_STEPS)).append(step)

    def _forget(self, key: str, posted: Posted | None) -> None:
        self._actions.pop(key, None)
        self._steps.pop(key, None)
        if posted is not None:
            self._by_id.pop(posted.alert.alert_id, None)

    def take_action(self, seen: SeenEvent) -> None:
        """Take a record of what somebody did."""
        for fingerprint, actions in actions_in([seen]).items():
            with self._lock:
                known = [*self._actions.get(fingerprint, ()), *actions]
                known.sort(key=lambda one: (str(one["event_time"]), str(one["event_id"])))
                self._actions[fingerprint] = known[-MOST_ACTIONS:]
                posted = self._open.get(fingerprint)
                if posted is not None:
                    self._add(posted)

    def locate(self) -> None:
        """Let alerts have the places of what was learnt of their devices; that is no change of theirs."""
        devices = self.registry.changed()
        with self._lock:
            for known in (self._open, self._ended) if devices else ():
                for fingerprint, posted in known.items():
                    alert = posted.alert
                    if alert.device_id in devices:
                        place = self.registry.labels(alert.device_id, alert.at_us)
                        known[fingerprint] = replace(posted, alert=alert.at_place(place))

    def _add(self, posted: Posted) -> None:
        """Say that an alert has changed; called with the lock held."""
        self._count += 1
        self._changes.append(Change(self._count, places_text(self._places), posted))


def _lasts(event: Event | None) -> bool:
    return event is not None and event.get("state") != "resolved"


class _Actions:
    """Hands a board the records of what people did."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def go_on(self, places: Places) -> None:
        """Where reading goes on is the follower's business."""

    def take(self, seen: SeenEvent) -> None:
        self._board.take_action(seen)


class _Devices:
    """Hands a board the records of the registry; whose places it changes is looked up when all of them are taken."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def go_on(self, places: Places) -> None:
        self._board.locate()

    def take(self, seen: SeenEvent) -> None:
        self._board.registry.take(seen)


def changes_from(
    broker: Broker, id_: str, wanted: Filter, most: int, registry: DeviceRegistry
) -> list[tuple[str, Posted]] | None:
    """Read what happened since a change that is no longer on the board; None when it is no id, or too long ago."""
    places = _places(id_)
    ends = end_of(broker, ALERTS.name)
    if places is None or len(places) != len(ends):
        return None
    firsts = begin_of(broker, ALERTS.name)
    starts = {part: max(firsts.get(part, 0), places[part.partition]) for part in ends}
    found: list[tuple[str, Posted]] = []
    at = dict(starts)
    for seen in see(records_in_order(broker, starts, ends)):
        at[seen.part] = seen.record.offset + 1
        alert = alert_of(seen.event, registry) if seen.event is not None else None
        if alert is not None and wanted.takes(alert):
            found.append((places_text(at), Posted(alert, seen.to_json())))
            if len(found) > most:
                return None
    return found


def places_text(places: Places) -> str:
    """Write where reading goes on, in the order of the partitions."""
    return "-".join(str(places[part]) for part in sorted(places, key=lambda one: one.partition))


def _places(text: str) -> Sequence[int] | None:
    numbers = text.split("-")
    if len(text) > 2000 or not all(one.isascii() and one.isdigit() and len(one) < 19 for one in numbers):
        return None
    return [int(one) for one in numbers]
