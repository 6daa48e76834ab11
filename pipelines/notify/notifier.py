"""The notifier: reads alerts, silences and actions, lets the decisions be made, remembers them, and has them sent.

What is decided is written in one commit, with how far was read, before anything is sent; what came of sending is
written when it is known. So a process that is killed in between sends again, under the same id, the same words. One
process at a time works: it owns the one partition of `alerts.notifications`, and others wait to take over.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Final

import orjson

from infra.broker import (
    Broker,
    BrokerAway,
    BrokerUnavailable,
    Commit,
    Fenced,
    Membership,
    Offset,
    StateRow,
    Stream,
    TopicPartition,
)
from operators.alert_rule import AlertRule
from pipelines.heartbeat import Heartbeat
from pipelines.notify.book import Notification
from pipelines.notify.courier import Courier, Outcome
from pipelines.notify.decisions import Decisions
from pipelines.notify.notify_file import Notifying
from pipelines.notify.receivers import sender_to
from pipelines.notify.sources import Sources
from pipelines.notify.standing import Deeds, Standing, standing_of
from pipelines.notify.wording import Wording, languages_of
from pipelines.seen_event import time_text
from schemas.notifications import NOTIFICATIONS
from schemas.record import Append

log = logging.getLogger(__name__)
GROUP: Final = "notify"
INSTANCES: Final = 8
STREAM: Final = Stream((TopicPartition(NOTIFICATIONS.name, 0),))
PLACES: Final = "places"
AWAY_S: Final = 2.0
END_S: Final = 5.0


def join(broker: Broker, instance: str | None, *, named: bool) -> Membership:
    """Join the group of notifiers. `named`: instances need names that no other process has (the embedded broker).

    There a dead notifier's name must not be taken by something that is none, or it would seem to be alive.
    """
    if instance is not None or not named:
        return broker.join(GROUP, instance, [STREAM])
    names = [f"{GROUP}-{number}" for number in range(INSTANCES)]
    for name in names[:-1]:
        try:
            return broker.join(GROUP, name, [STREAM])
        except BrokerUnavailable as error:
            if isinstance(error, BrokerAway) or "is running already" not in str(error):
                raise
    return broker.join(GROUP, names[-1], [STREAM])


class Notifier:
    """See the module. `clock` gives microseconds since 1970; `rules` word alerts in a receiver's language."""

    def __init__(
        self,
        broker: Broker,
        notifying: Notifying,
        membership: Membership,
        *,
        clock: Callable[[], int] = lambda: time.time_ns() // 1000,
        poll_s: float = 0.25,
        told: Callable[[str], None] = lambda line: None,
        rules: Sequence[AlertRule] = (),
    ) -> None:
        self._broker = broker
        self._plan = notifying.plan
        self._membership = membership
        self._clock = clock
        self._poll_s = poll_s
        self._told = told
        self._outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self._couriers = {
            name: Courier(name, sender_to(address), self._plan.receivers[name].give_up_us, self._outcomes, clock)
            for name, address in notifying.addresses.items()
        }
        self._decisions: Decisions | None = None
        wording = Wording(languages_of(self._plan.receivers), rules)
        self._sources = Sources(broker, notifying.sources, wording)
        self._owning: bool | None = None  # until it is known
        self._known: Decisions | None = None  # what was decided last; it stays while the broker is away
        self.deeds = Deeds()
        self.heartbeat = Heartbeat("the notifier")

    @property
    def receivers(self) -> tuple[str, ...]:
        """Who is told; for any thread, as all that is asked here."""
        return tuple(self._couriers)

    @property
    def is_telling(self) -> bool:
        """Whether it is this process that tells people."""
        return self._owning is True

    @property
    def is_ready(self) -> bool:
        """Whether it has read what there was when it took over, or waits to take over."""
        return self._owning is False or (self._owning is True and self._sources.is_caught_up)

    def standing(self) -> Standing:
        """Return what it knows now; nothing while another process works."""
        known = self._known
        return Standing() if known is None else standing_of(known, self._plan)

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. Whatever the broker refuses for good is raised."""
        for courier in self._couriers.values():
            courier.start()
        try:
            while not stop.is_set():
                self.heartbeat.beat()
                try:
                    self._round()
                except Fenced as fenced:
                    log.info("notify: %s", fenced)
                    self._forget()
                except BrokerAway as away:
                    log.warning("notify: %s; waiting for it", away)
                    self._decisions = None
                    stop.wait(AWAY_S)
            self._end()
        finally:
            for courier in self._couriers.values():
                courier.end(0)
            self._membership.leave()

    def _round(self) -> None:
        if STREAM not in self._membership.owned():
            if self._owning is not False:
                self._told("another notifier is at work; waiting to take over")
                self._forget()
                self._owning = False
            self._broker.wait(self._poll_s)
            return
        if self._decisions is None:
            self._decisions = self._known = self._remembered()
            if not self._owning:
                self._told(f"telling {', '.join(self._couriers)}; Ctrl-C stops")
            self._owning = True
        decisions = self._decisions
        moved = self._sources.read(decisions, self._clock())
        events = self._take_outcomes(decisions)
        made = decisions.advance(self._clock()) if self._sources.is_caught_up else []
        events += [_event(one, "decided", 0, "", one.decided_us) for one in made]
        self._commit(decisions, events, moved)
        # Only now, for what is sent must be remembered: even one that was made before a reader's mistake.
        self._hand_over(made)
        for one in made:
            self.deeds.note_decided(one)
            self._told(f"{one.receiver}: {one.title}")
        if not moved and not events:
            self._wait(decisions)

    def _remembered(self) -> Decisions:
        """Begin from what is committed."""
        rows = self._membership.memory(STREAM)
        places = next((row.value for row in rows if row.key == PLACES), None)
        self._sources.begin(_places(places))
        decisions = Decisions(self._plan, rows)
        self._hand_over(decisions.on_their_way())
        return decisions

    def _take_outcomes(self, decisions: Decisions) -> list[Append]:
        events: list[Append] = []
        on_their_way = {one.id for one in decisions.on_their_way()} if not self._outcomes.empty() else set()
        while True:
            try:
                outcome = self._outcomes.get_nowait()
            except Empty:
                return events
            self.deeds.note_tried(outcome)
            notification = outcome.notification
            if notification.id not in on_their_way:
                continue
            if outcome.state != "failed":
                on_their_way.discard(notification.id)
            if outcome.state == "delivered":
                decisions.delivered(notification.id, outcome.at_us)
            elif outcome.state == "given_up":
                decisions.given_up(notification.id, outcome.at_us)
            if outcome.error:
                what = "given up" if outcome.state == "given_up" else f"failed at try {outcome.tries}"
                self._told(f"{notification.receiver}: {what}: {outcome.error}")
            events.append(_event(notification, outcome.state, outcome.tries, outcome.error, outcome.at_us))

    def _commit(self, decisions: Decisions, events: Sequence[Append], moved: bool) -> None:
        states = decisions.changes()
        if not states and not events and not moved:
            return
        places = self._sources.places
        value = orjson.dumps({str(part): offset for part, offset in places.items()})
        self._membership.commit(
            Commit(
                STREAM,
                {part: Offset(offset) for part, offset in places.items()},
                appends=events,
                states=[*states, StateRow(PLACES, value)],
            )
        )

    def _hand_over(self, notifications: Sequence[Notification]) -> None:
        for name, courier in self._couriers.items():
            courier.take(one for one in notifications if one.receiver == name)

    def _wait(self, decisions: Decisions) -> None:
        due_us = decisions.next_us()
        left_s = self._poll_s if due_us is None else max(0.0, (due_us - self._clock()) / 1e6)
        self._broker.wait(min(self._poll_s, left_s))

    def _forget(self) -> None:
        """Somebody else goes on, or it is not known what counts: begin again from what is committed."""
        self._decisions = self._known = None
        for courier in self._couriers.values():
            courier.drop()

    def _end(self) -> None:
        """Let what is being sent at this moment come to its end, and remember what came of it."""
        until = time.monotonic() + END_S
        for courier in self._couriers.values():
            courier.end(max(0.0, until - time.monotonic()))
        if self._decisions is not None:
            try:
                self._commit(self._decisions, self._take_outcomes(self._decisions), False)
            except (Fenced, BrokerUnavailable) as error:
                log.warning("notify: what was sent last is not remembered, and will be sent again: %s", error)


def _places(value: bytes | None) -> dict[TopicPartition, int]:
    found: Mapping[str, int] = orjson.loads(value) if value is not None else {}
    pairs = ((name.rpartition("/"), offset) for name, offset in found.items())
    return {TopicPartition(topic, int(number)): offset for (topic, _, number), offset in pairs}


def _event(notification: Notification, state: str, tries: int, error: str, at_us: int) -> Append:
    event = {
        "id": notification.id,
        "event_time": time_text(at_us),
        "receiver": notification.receiver,
        "state": state,
        "reason": notification.reason,
        "title": notification.title,
        "alerts": notification.alerts,
        "tries": tries,
        **({"error": error} if error else {}),
    }
    return Append(NOTIFICATIONS.name, notification.id.encode(), orjson.dumps(event), partition=0)
