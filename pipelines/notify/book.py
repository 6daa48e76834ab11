"""What the notifier remembers, as rows of a broker's memory: alerts, groups, receivers, and what is on its way.

A row is written in the commit that decides something, so a process that is killed at any moment goes on from there. A
notification lies here with its words from the moment it is decided until it is delivered or given up: whatever happens
in between, it is sent again under the same id, with the same words.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable
from typing import Literal

import msgspec
from msgspec import Struct

from infra.broker import StateRow
from pipelines.notify.alert import Alert

Reason = Literal["firing", "resolved", "repeat", "escalation", "digest"]


class Told(Struct, omit_defaults=True):
    """What a group has told of one alert. A level is 0 for "not firing", else higher the worse it is.

    `tried` is what was decided last, `done` what was delivered last; they differ while a notification is on its way.
    """

    alert_id: str
    tried: int = 0
    done: int = 0
    since_us: int = 0  # when this episode was first told as firing
    at_us: int = 0  # when it was last told
    steps: int = 0  # of escalation, that were taken


class Known(Struct, omit_defaults=True):
    """One alert, and what each group has told of it."""

    alert: Alert
    told: dict[str, Told] = {}
    acknowledged: str = ""  # the alert_id that somebody acknowledged

    @property
    def level(self) -> int:
        """How bad it is now; 0 when it does not fire."""
        return 6 - self.alert.rank if self.alert.firing else 0

    @property
    def is_told(self) -> bool:
        """Whether some group has told, or is about to tell, of this very episode."""
        return any(one.alert_id == self.alert.alert_id and (one.tried or one.done) for one in self.told.values())

    @property
    def is_acknowledged(self) -> bool:
        """Whether somebody has taken over this very episode."""
        return self.alert.acknowledged or self.acknowledged == self.alert.alert_id


class Group(Struct, omit_defaults=True):
    """Alerts of one route that are told together. `next_us` is when it is looked at again."""

    route: str
    labels: dict[str, str]
    next_us: int | None = None
    last_us: int | None = None
    outstanding: str = ""  # the notification that is on its way
    held: bool = False  # until its receiver's next digest


class Flow(Struct, omit_defaults=True):
    """How much a receiver was told lately."""

    window_us: int = 0
    sent: int = 0


class Notification(Struct, frozen=True, omit_defaults=True):
    """One thing to be sent to one receiver. `id` is its idempotency key; `body` is what is sent, word for word."""

    id: str
    receiver: str
    reason: Reason
    groups: tuple[str, ...]
    decided_us: int
    alerts: int
    title: str
    body: str
    step: int = 0


Kept = Known | Group | Flow | Notification
_KINDS: dict[str, type[Struct]] = {"alert": Known, "group": Group, "flow": Flow, "sent": Notification}
_NAMES = {kind: name for name, kind in _KINDS.items()}


class Book:
    """All of it in memory, and which rows have changed since they were last asked for."""

    def __init__(self, rows: Iterable[StateRow] = ()) -> None:
        self.alerts: dict[str, Known] = {}
        self.groups: dict[str, Group] = {}
        self.flows: dict[str, Flow] = {}
        self.outbox: dict[str, Notification] = {}
        self._changed: dict[str, None] = {}
        for row in rows:
            kind, _, key = row.key.partition("/")
            if kind in _KINDS and row.value is not None:
                self._table(kind)[key] = msgspec.json.decode(row.value, type=_KINDS[kind])

    def changed(self, kind: type[Kept], key: str) -> None:
        """Say that a thing was changed, made or removed."""
        self._changed[f"{_NAMES[kind]}/{key}"] = None

    def changes(self) -> list[StateRow]:
        """Return the rows that changed since the last call."""
        rows = []
        for name in self._changed:
            kind, _, key = name.partition("/")
            value = self._table(kind).get(key)
            rows.append(StateRow(name, None if value is None else msgspec.json.encode(value)))
        self._changed.clear()
        return rows

    def untold(self, devices: Collection[str]) -> list[Known]:
        """Return the alerts of these devices that no group has told of."""
        known = self.alerts.values() if devices else ()
        return [one for one in known if one.alert.device_id in devices and not one.is_told]

    def keep_only(self, routes: Container[str], receivers: Container[str]) -> None:
        """Forget groups of other routes, and what is on its way to other receivers."""
        for id_ in [id_ for id_, group in self.groups.items() if group.route not in routes]:
            del self.groups[id_]
            self.changed(Group, id_)
        for notification in [one for one in self.outbox.values() if one.receiver not in receivers]:
            del self.outbox[notification.id]
            self.changed(Notification, notification.id)
            for id_ in notification.groups:
                if (group := self.groups.get(id_)) is not None and group.outstanding == notification.id:
                    group.outstanding = ""
                    self.changed(Group, id_)

    def _table(self, kind: str) -> dict[str, Struct]:
        tables = {"alert": self.alerts, "group": self.groups, "flow": self.flows, "sent": self.outbox}
        return tables[kind]  # type: ignore[return-value]
