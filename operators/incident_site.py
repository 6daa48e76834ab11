"""One site at work: signals that come together until they are enough, and the incidents that they become.

Rows come in the order of event time, so this is a plain fold: each change of an alert belongs to an incident that it is
related to, or waits with what it is related to until that is enough for a new one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from operators.incident_cause import CROWD, cause_of, explains, main_family
from operators.incident_memory import (
    FIRST_SIGHTS,
    LAST_SIGHTS,
    MOST_CLOSED,
    MOST_DEVICES,
    MOST_INCIDENTS,
    MOST_LOOSE,
    MOST_SIGNALS,
    Incident,
    Memory,
    Signal,
)
from operators.incident_places import SPREADING, Neighbours
from operators.incident_weight import ENOUGH, weight_of, weight_together
from schemas.identity import identity

MINUTE_US: Final = 60_000_000
HOUR_US: Final = 60 * MINUTE_US
# Signals further apart than this do not come together; an incident without news for so long has ended, unless an alarm
# of it lasts: then after a week, as the alarm's alert does.
TOGETHER_US: Final = 60 * MINUTE_US
CROWD_US: Final = 30 * MINUTE_US
QUIET_US: Final = 60 * MINUTE_US
ALARM_LASTS_US: Final = 7 * 24 * HOUR_US
REMEMBER_CLOSED_US: Final = 24 * HOUR_US
_STEPS: Final = tuple(digit * 10**power for power in range(7) for digit in (1, 2, 5))


@dataclass(frozen=True, slots=True)
class News:
    """One revision to be written: the incident as it stands, and when it ended."""

    incident: Incident
    resolved_at: int | None = None


class Site:
    """The incidents of one site. `cause_of` is asked which device is the cause, for a change of it is news."""

    def __init__(self, site: str, memory: Memory, neighbours: Neighbours) -> None:
        self.site = site
        self.memory = memory
        self.neighbours = neighbours
        self._now_us = 0
        self._crowds: dict[tuple[str, str | None], bool] = {}

    def apply(self, signal: Signal, now_us: int) -> list[News]:
        """Take one change of an alert; return what is news by it."""
        memory = self.memory
        memory.latest = max(memory.latest, now_us)
        self._forget(now_us)
        self._now_us = now_us
        self._crowds.clear()
        if signal.alert_id in memory.closed and (
            not signal.open or signal.updated_at <= memory.closed[signal.alert_id]
        ):
            return []
        memory.closed.pop(signal.alert_id, None)
        if weight_of(signal) == 0.0:
            return []
        incident = self._incident_of(signal)
        if incident is not None:
            is_new = signal.alert_id not in incident.signals
            self._take(incident, signal, now_us)
            self._gather(incident, [signal] if is_new else [], now_us)
            return self._news([incident])
        if not signal.open:
            if not signal.fired:
                memory.loose.pop(signal.alert_id, None)
            if signal.alert_id not in memory.loose:
                return []
        memory.loose[signal.alert_id] = signal
        if len(memory.loose) > MOST_LOOSE:
            oldest = min(memory.loose.values(), key=lambda one: (one.updated_at, one.alert_id))
            del memory.loose[oldest.alert_id]
        group = self._related(signal)
        if weight_together(group) < ENOUGH:
            return []
        incident = self._open([one for one in group if explains(group, one, self.neighbours)], now_us)
        self._gather(incident, list(incident.signals.values()), now_us)
        return [*self._make_room(now_us), *self._news([incident])]

    def next_deadline(self) -> int | None:
        """Return when the first of the incidents ends, if nothing comes."""
        return min((deadline_of(incident) for incident in self.memory.incidents), default=None)

    def end_next(self, deadline_us: int) -> list[News]:
        """End the incidents whose deadline this is."""
        ended = [incident for incident in self.memory.incidents if deadline_of(incident) == deadline_us]
        return [self._end(incident, deadline_us) for incident in sorted(ended, key=_id)]

    def _incident_of(self, signal: Signal) -> Incident | None:
        """Return the incident that an alert belongs to already, else the first opened that it is related to."""
        incidents = self.memory.incidents
        known = next((one for one in incidents if signal.alert_id in one.signals), None)
        if known is not None or not signal.open:
            return known
        near = [
            incident
            for incident in incidents
            if signal.updated_at - incident.updated_at < TOGETHER_US and self._belongs(signal, incident)
        ]
        # Of two troubles of one device each piece of news goes to its own.
        return min(near, key=lambda one: signal.family is None or main_family(one) != signal.family, default=None)

    def _belongs(self, signal: Signal, incident: Incident) -> bool:
        """Whether an alert is related to one of an incident, and told by its trouble."""
        related = [one for one in incident.signals.values() if self._are_related(signal, one)]
        if not related or not explains(incident.signals.values(), signal, self.neighbours):
            return False
        if any(self.neighbours.are_close(signal, one) for one in related):
            return True
        return main_family(incident) in (None, signal.family)

    def _related(self, signal: Signal) -> list[Signal]:
        """Return the loose signals that are related to one, directly or by others, the earliest first."""
        found = {signal.alert_id: signal}
        edge = [signal]
        while edge:
            one = edge.pop()
            for other in self.memory.loose.values():
                if other.alert_id not in found and self._come_together(one, other):
                    found[other.alert_id] = other
                    edge.append(other)
        return sorted(found.values(), key=lambda one: (one.opened_at, one.alert_id))

    def _come_together(self, one: Signal, other: Signal) -> bool:
        apart = max(one.opened_at, other.opened_at) - min(one.updated_at, other.updated_at)
        return apart < TOGETHER_US and self._are_related(one, other)

    def _are_related(self, one: Signal, other: Signal) -> bool:
        if self.neighbours.are_related(one, other):
            return True
        if one.family is None or one.family != other.family:
            return False
        if one.kind == other.kind == "message":
            return self._is_crowd(one.family, only="message")
        return one.family in SPREADING and self.neighbours.share_upstream(one, other) and self._is_crowd(one.family)

    def _is_crowd(self, family: str, only: str | None = None) -> bool:
        """Whether so many devices tell of one kind of trouble now that it is no chance, as one or two may be."""
        known = self._crowds.get((family, only))
        if known is None:
            signals = [*self.memory.loose.values()]
            signals += [one for incident in self.memory.incidents for one in incident.signals.values()]
            devices = {
                one.device_id
                for one in signals
                if one.family == family and only in (None, one.kind) and self._now_us - one.updated_at < CROWD_US
            }
            known = self._crowds[family, only] = len(devices) >= CROWD
        return known

    def _open(self, group: list[Signal], now_us: int) -> Incident:
        first = group[0]
        incident = Incident(
            incident_id=identity("incident", self.site, first.alert_id),
            opened_at=now_us,
            updated_at=first.updated_at,
            started_at=first.opened_at,
            signals={},
            devices=[],
            kinds=[],
            first=[],
        )
        for signal in group:
            self.memory.loose.pop(signal.alert_id, None)
            self._take(incident, signal, now_us)
        self.memory.incidents.append(incident)
        return incident

    def _gather(self, incident: Incident, edge: list[Signal], now_us: int) -> None:
        """Let an incident take the loose signals that are related to those it has just taken."""
        while edge:
            one = edge.pop(0)
            near = [
                other
                for other in self.memory.loose.values()
                if self._come_together(one, other) and explains(incident.signals.values(), other, self.neighbours)
            ]
            for signal in sorted(near, key=lambda signal: (signal.opened_at, signal.alert_id)):
                del self.memory.loose[signal.alert_id]
                self._take(incident, signal, now_us)
                edge.append(signal)

    def _take(self, incident: Incident, signal: Signal, now_us: int) -> None:
        known = incident.signals.get(signal.alert_id)
        if known is None and len(incident.signals) >= MOST_SIGNALS:
            self._let_go(incident)
        _see(incident, signal)
        if signal.open or known is None:
            incident.updated_at = max(incident.updated_at, signal.updated_at)
        if signal.open or known is None or signal.kind == "alarm":  # that an alarm clears is news too
            incident.heard_at = max(incident.heard_at, now_us)
        incident.started_at = min(incident.started_at, signal.opened_at)
        if signal.device_id not in incident.devices:
            if len(incident.devices) < MOST_DEVICES:
                incident.devices.append(signal.device_id)
            else:
                incident.more_devices += 1
        if signal.kind not in incident.kinds:
            incident.kinds.append(signal.kind)
        incident.severity = min(incident.severity, signal.severity)
        signal.sights = []  # they stand in the timeline now
        incident.signals[signal.alert_id] = signal

    def _let_go(self, incident: Incident) -> None:
        """Make room for one more signal: what has ended goes first, then the oldest news."""
        gone = min(incident.signals.values(), key=lambda one: (one.open, one.updated_at, one.alert_id))
        del incident.signals[gone.alert_id]
        incident.more_alerts += 1
        incident.more_events += gone.count

    def _make_room(self, now_us: int) -> list[News]:
        incidents = self.memory.incidents
        if len(incidents) <= MOST_INCIDENTS:
            return []
        return [self._end(min(incidents, key=lambda one: (one.updated_at, one.incident_id)), now_us)]

    def _end(self, incident: Incident, at_us: int) -> News:
        memory = self.memory
        memory.incidents.remove(incident)
        memory.latest = max(memory.latest, at_us)
        memory.closed |= {alert_id: signal.updated_at for alert_id, signal in incident.signals.items()}
        for alert_id in sorted(memory.closed, key=lambda one: (memory.closed[one], one))[:-MOST_CLOSED]:
            del memory.closed[alert_id]
        incident.revision += 1
        return News(incident, at_us)

    def _news(self, incidents: Iterable[Incident]) -> list[News]:
        news = []
        for incident in incidents:
            says = self._says(incident)
            if incident.said != says:
                incident.said = says
                incident.revision += 1
                news.append(News(incident))
        return news

    def _says(self, incident: Incident) -> tuple[int, int, int, int, str, int]:
        """Return what of an incident, when it changes, is worth a revision."""
        devices = len(incident.devices) + incident.more_devices
        alerts = len(incident.signals) + incident.more_alerts
        open_alarms = sum(one.kind == "alarm" and one.open for one in incident.signals.values())
        step = max(step for step in _STEPS if step <= alerts)
        return (incident.severity, devices, len(incident.kinds), step, cause_of(incident, self.neighbours), open_alarms)

    def _forget(self, now_us: int) -> None:
        memory = self.memory
        for signal in [one for one in memory.loose.values() if one.updated_at + TOGETHER_US <= now_us]:
            del memory.loose[signal.alert_id]
        for alert_id in [one for one, at in memory.closed.items() if at + REMEMBER_CLOSED_US <= now_us]:
            del memory.closed[alert_id]


def deadline_of(incident: Incident) -> int:
    """Return when an incident ends, if nothing comes."""
    lasts = any(one.kind == "alarm" and one.open for one in incident.signals.values())
    return incident.heard_at + (ALARM_LASTS_US if lasts else QUIET_US)


def _see(incident: Incident, signal: Signal) -> None:
    """Put what a signal shows into the timeline: the first things and the last ones, each event once."""
    there = {(one.event_id, one.alert_id) for one in (*incident.first, *incident.last)}
    fresh = [one for one in signal.sights if (one.event_id, one.alert_id) not in there]
    if not fresh:
        return
    every = sorted([*incident.first, *incident.last, *fresh], key=lambda one: (one.event_time, one.event_id))
    incident.first = every[:FIRST_SIGHTS]
    incident.last = every[FIRST_SIGHTS:][-LAST_SIGHTS:]


def _id(incident: Incident) -> str:
    return incident.incident_id
