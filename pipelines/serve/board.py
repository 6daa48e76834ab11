"""The board: every open alert and what happened last, kept current by one thread that follows the topic."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from infra.broker import Broker, BrokerAway
from pipelines.alert_actions import Event, actions_in, joined
from pipelines.notify.alert import Alert, alert_of
from pipelines.records_in_order import Places, begin_of, end_of, records_in_order
from pipelines.seen_event import SeenEvent, see
from schemas.alert_actions import ALERTS_ACTIONS
from schemas.alerts import ALERTS
from schemas.matcher import Matcher, match_all
from schemas.severity import SEVERITIES

log = logging.getLogger(__name__)
MOST_CHANGES: Final = 5000
MOST_ENDED: Final = 500
MOST_ACTIONS: Final = 200
"""On one alert."""
AWAY_S: Final = 2.0


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
        return match_all(self.matchers, alert.labels)


@dataclass(frozen=True, slots=True)
class Posted:
    """One alert on the board, with its event as JSON, without what people did to it."""

    alert: Alert
    event: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened. `id` says where to go on behind it, in this process or another."""

    number: int
    id: str
    posted: Posted


class Board:
    """Follows alerts from `start` on; `opened` is a broker of its own."""

    def __init__(self, opened: Broker, poll_s: float = 0.25) -> None:
        self._broker = opened
        self._poll_s = poll_s
        self._lock = threading.Lock()
        self._places: Places = {}
        self._open: dict[str, Posted] = {}
        self._ended: dict[str, Posted] = {}
        self._actions: dict[str, list[Event]] = {}
        self._action_places: Places = {}
        self._changes: deque[Change] = deque(maxlen=MOST_CHANGES)
        self._count = 0
        self._listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="board", daemon=True)
        self.caught_up = threading.Event()

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Follow no more."""
        self._stop.set()
        self._thread.join()

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

    def json(self, posted: Posted) -> bytes:
        """Return an alert as JSON, with what people did to it."""
        with self._lock:
            actions = list(self._actions.get(posted.alert.fingerprint, ()))
        if not actions:
            return posted.event
        return orjson.dumps(joined(orjson.loads(posted.event), {posted.alert.fingerprint: actions}))

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

    def listen(self, loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
        """Have an event set whenever something changes."""
        with self._lock:
            self._listeners.add((loop, event))

    def leave(self, loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
        """Listen no more."""
        with self._lock:
            self._listeners.discard((loop, event))

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                self._read()
                self._broker.wait(self._poll_s)
            except BrokerAway as away:
                log.warning("the board waits: %s", away)
                self._stop.wait(AWAY_S)

    def _read(self) -> None:
        ends = end_of(self._broker, ALERTS.name)
        if ends != self._places:
            firsts = begin_of(self._broker, ALERTS.name)
            starts = {part: max(firsts.get(part, 0), self._places.get(part, 0)) for part in ends}
            with self._lock:
                self._places = dict(starts)
            for seen in see(records_in_order(self._broker, starts, ends)):
                if self._stop.is_set():
                    return
                self._take(seen)
            with self._lock:
                self._places = dict(ends)
            self._wake()
        ends = end_of(self._broker, ALERTS_ACTIONS.name)
        if ends != self._action_places:
            firsts = begin_of(self._broker, ALERTS_ACTIONS.name)
            starts = {part: max(firsts.get(part, 0), self._action_places.get(part, 0)) for part in ends}
            for seen in see(records_in_order(self._broker, starts, ends)):
                self._take_action(seen)
            self._action_places = dict(ends)
            self._wake()
        self.caught_up.set()

    def _take(self, seen: SeenEvent) -> None:
        key = (seen.record.key or b"").decode("utf-8", "replace")
        alert = alert_of(seen.event) if seen.event is not None else None
        with self._lock:
            self._places[seen.part] = seen.record.offset + 1
            if alert is None:
                if seen.record.value is None:
                    self._open.pop(key, None)
                return
            posted = Posted(alert, seen.to_json())
            self._open.pop(alert.fingerprint, None)
            self._ended.pop(alert.fingerprint, None)
            (self._open if alert.firing else self._ended)[alert.fingerprint] = posted
            if len(self._ended) > MOST_ENDED:
                gone = next(iter(self._ended))
                del self._ended[gone]
                self._actions.pop(gone, None)
            self._add(posted)

    def _take_action(self, seen: SeenEvent) -> None:
        for fingerprint, actions in actions_in([seen]).items():
            with self._lock:
                known = [*self._actions.get(fingerprint, ()), *actions]
                known.sort(key=lambda one: (str(one["event_time"]), str(one["event_id"])))
                self._actions[fingerprint] = known[-MOST_ACTIONS:]
                posted = self._open.get(fingerprint)
                if posted is not None:
                    self._add(posted)

    def _add(self, posted: Posted) -> None:
        """Say that an alert has changed; called with the lock held."""
        self._count += 1
        self._changes.append(Change(self._count, places_text(self._places), posted))

    def _wake(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for loop, event in listeners:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)


def changes_from(broker: Broker, id_: str, wanted: Filter, most: int) -> list[tuple[str, Posted]] | None:
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
        alert = alert_of(seen.event) if seen.event is not None else None
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
