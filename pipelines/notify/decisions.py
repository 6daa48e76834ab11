"""The decisions: which notification, to whom, when, and with what in it. No clock and no I/O: the time is handed in.

Alertmanager's rules, where they are known: a new group waits `group_wait`, a changed one `group_interval`, one that
stays as it is is repeated after `repeat_interval`. Beyond them: an acknowledged alert is not repeated; what nobody
acknowledged escalates; a receiver that is told too much, or does not keep up, gets a digest; an alert that was told as
firing is told as resolved even if it is silenced by then, so that nothing stays open elsewhere for ever.

What is told is always the present: a group has at most one notification on its way, and what changes meanwhile waits
for the next. So a receiver that is away for hours costs no memory, and hears of how things are when it is back.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from msgspec.structs import replace

from infra.broker import StateRow
from pipelines.notify.alert import Alert
from pipelines.notify.book import Book, Group, Known, Notification, Reason, Told
from pipelines.notify.contents import Contents, contents_of, mark
from pipelines.notify.escalation import unacknowledged
from pipelines.notify.flows import Flows
from pipelines.notify.inhibition import Inhibitions
from pipelines.notify.members import Members
from pipelines.notify.message import notification_of
from pipelines.notify.plan import Plan, Route
from pipelines.silences import Silence
from schemas.identity import identity

RETRY_US: Final = 60_000_000
"""When an escalation is tried again whose receiver is too busy."""


class Decisions:
    """See the module. `rows` are what an earlier one remembered."""

    def __init__(self, plan: Plan, rows: Iterable[StateRow] = ()) -> None:
        self._plan = plan
        self._book = Book(rows)
        self._inhibitions = Inhibitions(plan.inhibit_rules)
        self._silences: dict[str, Silence] = {}
        self._members = Members()
        self._due: list[tuple[int, str]] = []
        self._made: list[Notification] = []
        self._flows = Flows(plan.receivers, self._book)
        self._restore()

    # --- what happens -------------------------------------------------------------------------------------------------

    def take(self, alert: Alert, now_us: int) -> None:
        """Take a revision of an alert; an older one than is known changes nothing.

        What was told of an episode stays at the place under which it was told: carried elsewhere, or known better, it
        would be told once more with other words.
        """
        known = self._book.alerts.get(alert.fingerprint)
        if known is None:
            if not alert.firing:  # it is over, and nobody was told of it
                return
            known = self._book.alerts[alert.fingerprint] = Known(alert)
        elif known.alert.alert_id == alert.alert_id and alert.revision <= known.alert.revision:
            return
        elif known.is_told and known.alert.alert_id == alert.alert_id:
            alert = alert.at_place(known.alert.place)
        self._follow(known, alert, now_us)

    def relocate(self, devices: Collection[str], labels: Callable[[str, int], Mapping[str, str]], now_us: int) -> None:
        """Take the news that something was learnt of where devices stand; `labels` says it of a device at a time."""
        for known in self._book.untold(devices):
            alert = known.alert.at_place(labels(known.alert.device_id, known.alert.at_us))
            if alert is not known.alert:
                self._follow(known, alert, now_us)

    def forget(self, fingerprint: str, now_us: int) -> None:
        """Take the news that an alert was removed altogether: whoever was told of it hears that it is over."""
        known = self._book.alerts.get(fingerprint)
        if known is not None and known.alert.firing:
            alert = known.alert
            self.take(replace(alert, firing=False, revision=alert.revision + 1, resolved_us=now_us), now_us)

    def acknowledge(self, fingerprint: str, alert_id: str | None = None, *, taken: bool = True) -> None:
        """Take the news that somebody has taken over an alert: no repeats, no escalation, until it opens anew.

        `alert_id` is the episode that was meant, None for the present one; not `taken` takes it back.
        """
        known = self._book.alerts.get(fingerprint)
        if known is None or alert_id not in (None, known.alert.alert_id):
            return
        stands = known.alert.alert_id if taken else ""
        if known.acknowledged != stands:
            known.acknowledged = stands
            self._book.changed(Known, fingerprint)

    def set_silences(self, silences: Mapping[str, Silence]) -> None:
        """Say which silences there are; when each holds is in itself."""
        self._silences = dict(silences)

    def delivered(self, id_: str, now_us: int) -> None:
        """Take the news that a notification has arrived."""
        notification = self._settle(id_)
        for group, known, told in self._of_groups(self._waiting_for(notification)):
            told.done = told.tried
            self._book.changed(Known, known.alert.fingerprint)
            self._leave_if_over(group, known)
        self._look_after(notification, now_us)

    def given_up(self, id_: str, now_us: int) -> None:
        """Take the news that a notification will not arrive: what it said is news again."""
        notification = self._settle(id_)
        for group, known, told in self._of_groups(self._waiting_for(notification)):
            # It may have arrived all the same, without our knowing: so its end is still to be told.
            told.done, told.tried = max(told.done, told.tried), 0
            self._book.changed(Known, known.alert.fingerprint)
            self._leave_if_over(group, known)
        if notification is not None and notification.reason == "escalation":
            for _, known, told in self._of_groups(notification.groups):
                told.steps = min(told.steps, notification.step)
                self._book.changed(Known, known.alert.fingerprint)
        self._look_after(notification, now_us)

    # --- what follows -------------------------------------------------------------------------------------------------

    def advance(self, now_us: int) -> list[Notification]:
        """Decide what is due by now, in an order that depends on nothing but what was taken and when."""
        while self._due and self._due[0][0] <= now_us:
            at_us, id_ = heapq.heappop(self._due)
            group = self._book.groups.get(id_)
            if group is not None and group.next_us == at_us:
                self._look_at(id_, group, now_us)
        for receiver in self._flows.due(now_us):
            self._digest(receiver, now_us)
        made, self._made = self._made, []
        return made

    def next_us(self) -> int | None:
        """Return when `advance` may have something to do, if nothing else happens."""
        times = [one for one in (self._flows.next_us(), self._due[0][0] if self._due else None) if one is not None]
        return min(times, default=None)

    def changes(self) -> list[StateRow]:
        """Return what must be remembered of what happened since the last call."""
        return self._book.changes()

    def on_their_way(self) -> list[Notification]:
        """Return the notifications that are decided and neither delivered nor given up, oldest first."""
        return sorted(self._book.outbox.values(), key=lambda one: (one.decided_us, one.id))

    @property
    def book(self) -> Book:
        """What is known, for whoever watches: to be read, not changed."""
        return self._book

    # --- looking at a group -------------------------------------------------------------------------------------------

    def _look_at(self, id_: str, group: Group, now_us: int) -> None:
        """Decide what a group has to say now, and when it is looked at again."""
        route = self._plan.by_id[group.route]
        if self._members.is_empty(id_) and not group.outstanding:
            self._remove_group(id_)
            return
        if not route.is_quiet(now_us):
            # What is on its way has the group looked at again when it has arrived; escalations do not wait for it.
            if not group.outstanding:
                self._tell_or_hold(id_, group, route, now_us)
            self._escalate(id_, group, route, now_us)
        self._look_again(id_, group, route, now_us + route.group_interval_us, now_us)

    def _tell_or_hold(self, id_: str, group: Group, route: Route, now_us: int) -> None:
        contents = self._contents(id_, group, route, now_us)
        if not self._plan.receivers[route.receiver].send_resolved:
            self._drop(id_, contents.resolved)
        if contents.is_due and self._flows.is_busy(route.receiver, now_us):
            group.held = True
            self._flows.hold(route.receiver, id_)
        elif contents.is_due:
            self._tell(route.receiver, contents.reason, {id_: (group, route, contents)}, now_us)

    def _contents(self, id_: str, group: Group, route: Route, now_us: int) -> Contents:
        """Return what a group would say now."""
        members = self._known(id_)
        receiver = self._plan.receivers[route.receiver]
        return contents_of(
            id_,
            members,
            receiver,
            route.repeat_interval_us,
            group.last_us,
            now_us,
            lambda one: self._mutes(one, now_us),
        )

    def _mutes(self, alert: Alert, now_us: int) -> bool:
        return any(one.covers(alert.labels, now_us) for one in self._silences.values()) or self._inhibitions.inhibits(
            alert
        )

    def _tell(
        self, receiver: str, reason: Reason, said: Mapping[str, tuple[Group, Route, Contents]], now_us: int
    ) -> None:
        notification = notification_of(
            self._plan.receivers[receiver], reason, [(group, route, one) for group, route, one in said.values()],
            tuple(said), now_us,
        )  # fmt: skip
        for id_, (group, route, contents) in said.items():
            group.outstanding, group.last_us = notification.id, now_us
            self._end_escalations(id_, group, route, contents, now_us)
            for known in mark(id_, contents, now_us):
                self._book.changed(Known, known.alert.fingerprint)
            self._book.changed(Group, id_)
        self._send(notification, now_us)

    def _escalate(self, id_: str, group: Group, route: Route, now_us: int) -> None:
        """Tell the next receiver of what nobody has acknowledged in time."""
        for number, step in enumerate(route.escalate):
            late = [
                known
                for known in unacknowledged(self._known(id_), id_, number)
                if known.told[id_].since_us + step.after_us <= now_us and not self._mutes(known.alert, now_us)
            ]
            if not late or self._flows.is_busy(step.receiver, now_us):
                continue
            contents = Contents(firing=late, telling=late, is_due=True, reason="escalation")
            notification = notification_of(
                self._plan.receivers[step.receiver], "escalation", [(group, route, contents)], (id_,), now_us, number
            )
            for known in late:
                known.told[id_].steps = number + 1
                self._book.changed(Known, known.alert.fingerprint)
            self._send(notification, now_us)

    def _end_escalations(self, id_: str, group: Group, route: Route, contents: Contents, now_us: int) -> None:
        """Tell those who were told by an escalation how it ended."""
        for number, step in enumerate(route.escalate):
            over = [one for one in contents.telling if not one.alert.firing and one.told[id_].steps > number]
            if over:
                part = Contents(resolved=over, telling=over, is_due=True, reason="resolved")
                receiver = self._plan.receivers[step.receiver]
                self._send(
                    notification_of(receiver, "resolved", [(group, route, part)], (id_,), now_us, number + 1), now_us
                )

    def _known(self, id_: str) -> list[Known]:
        """Return the alerts of a group."""
        return [self._book.alerts[one] for one in self._members.alerts(id_)]

    def _digest(self, receiver: str, now_us: int) -> None:
        """Tell a receiver in one notification what it was spared."""
        said = {}
        for id_ in self._flows.release(receiver):
            group = self._book.groups.get(id_)
            if group is None:
                continue
            group.held = False
            self._book.changed(Group, id_)
            route = self._plan.by_id[group.route]
            contents = self._contents(id_, group, route, now_us)
            if contents.is_due and not group.outstanding and not route.is_quiet(now_us):
                said[id_] = (group, route, contents)
        if len(said) == 1:  # then there is nothing to sum up
            [(_, _, contents)] = said.values()
            self._tell(receiver, contents.reason, said, now_us)
        elif said:
            self._tell(receiver, "digest", said, now_us)

    # --- bookkeeping --------------------------------------------------------------------------------------------------

    def _follow(self, known: Known, alert: Alert, now_us: int) -> None:
        """Know an alert as it is now, with all that hangs on its labels."""
        known.alert = alert
        self._inhibitions.take(alert)
        self._join_and_leave(known, now_us)
        self._book.changed(Known, alert.fingerprint)

    def _send(self, notification: Notification, now_us: int) -> None:
        self._book.outbox[notification.id] = notification
        self._book.changed(Notification, notification.id)
        self._flows.count(notification.receiver, now_us)
        self._made.append(notification)

    def _settle(self, id_: str) -> Notification | None:
        """Take a notification off its way and return it; None for one that is not on its way."""
        notification = self._book.outbox.pop(id_, None)
        if notification is not None:
            self._book.changed(Notification, id_)
            self._flows.arrived(notification.receiver)
        return notification

    def _waiting_for(self, notification: Notification | None) -> list[str]:
        """Return the groups that say nothing else until this notification is settled."""
        groups = notification.groups if notification is not None else ()
        id_ = notification.id if notification is not None else ""
        return [one for one in groups if one in self._book.groups and self._book.groups[one].outstanding == id_]

    def _of_groups(self, ids: Iterable[str]) -> list[tuple[str, Known, Told]]:
        """Return what groups have told of their alerts."""
        pairs = [(id_, known) for id_ in ids for known in self._known(id_)]
        return [(id_, known, known.told[id_]) for id_, known in pairs if id_ in known.told]

    def _look_after(self, notification: Notification | None, now_us: int) -> None:
        """Let the groups that waited for a notification go on."""
        for id_ in self._waiting_for(notification):
            group = self._book.groups[id_]
            group.outstanding = ""
            route = self._plan.by_id[group.route]
            if self._members.is_empty(id_):
                self._remove_group(id_)
                continue
            # One that needs each alert may have been told a part of them only.
            whole = self._plan.receivers[route.receiver].whole
            at_us = now_us if whole else (group.last_us or 0) + route.group_interval_us
            self._look_again(id_, group, route, max(now_us, at_us), now_us)

    def _look_again(self, id_: str, group: Group, route: Route, at_us: int, now_us: int) -> None:
        """Set when a group is looked at next: at `at_us`, or sooner where an escalation falls due."""
        for number, step in enumerate(route.escalate):
            for known in unacknowledged(self._known(id_), id_, number):
                due_us = known.told[id_].since_us + step.after_us
                at_us = min(at_us, due_us if due_us > now_us else now_us + RETRY_US)
        group.next_us = at_us
        heapq.heappush(self._due, (at_us, id_))
        self._book.changed(Group, id_)

    def _join_and_leave(self, known: Known, now_us: int) -> None:
        """Bring an alert into the groups where it belongs; it stays where it was told until that has ended."""
        alert = known.alert
        belongs: set[str] = set()
        for route in self._plan.route.find(alert.labels) if alert.firing else ():
            labels = route.group_labels(alert.labels)
            id_ = identity("group", route.id, *(text for pair in labels.items() for text in pair))[:16]
            belongs.add(id_)
            self._members.join(id_, alert.fingerprint)
            if id_ not in self._book.groups:
                group = self._book.groups[id_] = Group(route.id, labels)
                self._look_again(id_, group, route, now_us + route.group_wait_us, now_us)
        for id_ in self._members.groups(alert.fingerprint):
            if id_ not in belongs:
                self._leave_if_over(id_, known)

    def _leave_if_over(self, id_: str, known: Known) -> None:
        """Take an alert out of a group where it neither belongs nor has anything left to be said of it."""
        told = known.told.get(id_)
        if told is not None and (told.tried or told.done):
            return
        if known.alert.firing and self._belongs(known.alert, id_):
            return
        fingerprint = known.alert.fingerprint
        known.told.pop(id_, None)
        self._members.leave(id_, fingerprint)
        self._book.changed(Known, fingerprint)
        if not known.alert.firing and not self._members.groups(fingerprint):
            self._book.alerts.pop(fingerprint, None)
            self._inhibitions.forget(fingerprint)

    def _belongs(self, alert: Alert, id_: str) -> bool:
        group = self._book.groups[id_]
        return any(
            route.id == group.route and route.group_labels(alert.labels) == group.labels
            for route in self._plan.route.find(alert.labels)
        )

    def _drop(self, id_: str, over: Iterable[Known]) -> None:
        """Let alerts go that are over, where nobody wants to hear of it."""
        for known in over:
            known.told[id_] = Told(known.alert.alert_id)
            self._leave_if_over(id_, known)

    def _remove_group(self, id_: str) -> None:
        group = self._book.groups.pop(id_)
        if group.held:
            self._flows.let_go(self._plan.by_id[group.route].receiver, id_)
        self._book.changed(Group, id_)

    def _restore(self) -> None:
        """Find again what follows from what was remembered, under the plan as it is now."""
        book = self._book
        book.keep_only(self._plan.by_id, self._plan.receivers)
        for id_, group in sorted(book.groups.items()):
            if group.next_us is not None:
                heapq.heappush(self._due, (group.next_us, id_))
            if group.held:
                self._flows.hold(self._plan.by_id[group.route].receiver, id_)
        self._flows.restore()
        for fingerprint, known in sorted(book.alerts.items()):
            for id_ in [one for one in known.told if one not in book.groups]:
                del known.told[id_]
                book.changed(Known, fingerprint)
            for id_ in known.told:
                self._members.join(id_, fingerprint)
            self._inhibitions.take(known.alert)
            # Where the plan has changed meanwhile there may be groups that it was not in; they are looked at at once.
            self._join_and_leave(known, 0)
            if not known.alert.firing and not self._members.groups(fingerprint):
                self._book.alerts.pop(fingerprint, None)
                self._book.changed(Known, fingerprint)
