"""A world in which the notifier's decisions are tried: alerts by minute, and receivers that are simple or broken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import orjson

from infra.broker import StateRow
from pipelines.notify.alert import Alert
from pipelines.notify.book import Notification
from pipelines.notify.decisions import Decisions
from pipelines.notify.plan import MINUTE, SECOND, Plan, Receiver, Route

START = 1_772_352_000_000_000  # 2026-03-01T08:00:00Z, a Sunday


def alert(name: str, severity: str = "major", *, revision: int = 1, firing: bool = True, **labels: str) -> Alert:
    return Alert(
        fingerprint=name,
        alert_id=f"{name}-1",
        revision=revision,
        labels={"alertname": "too-warm", "device_id": name, "severity": severity, **labels},
        severity=severity,
        summary=f"{name} is too warm",
        opened_us=START,
        updated_us=START,
        firing=firing,
        resolved_us=None if firing else START + MINUTE,
    )


def plan(*routes: Route, receivers: Iterable[Receiver] = (), **changes: object) -> Plan:
    """One receiver `team` for everything, told after 30 s, 5 min, 4 h; `routes` below it."""
    root = replace(Route("root", "team", routes=routes), **changes)  # type: ignore[arg-type]
    named = {one.name: one for one in (Receiver("team", "webhook"), Receiver("phone", "webhook"), *receivers)}
    return Plan(root, named)


@dataclass
class World:
    """Decisions, their time, and their memory as a broker would hold it."""

    plan: Plan
    now_us: int = START
    rows: dict[str, StateRow] = field(default_factory=dict)
    sent: list[Notification] = field(default_factory=list)
    decisions: Decisions = field(init=False)

    def __post_init__(self) -> None:
        self.decisions = Decisions(self.plan)

    def take(self, *alerts: Alert) -> None:
        for one in alerts:
            self.decisions.take(one, self.now_us)

    def after(self, us: int, *, deliver: bool = True) -> list[Notification]:
        """Let time pass, stopping wherever something is due; return what was decided, delivered or not."""
        until, found = self.now_us + us, []
        while True:
            due = self.decisions.next_us()
            self.now_us = until if due is None or due > until else max(due, self.now_us)
            made = self.decisions.advance(self.now_us)
            self.commit()
            found += made
            if deliver:
                self.deliver(made)
            if self.now_us == until and not made:
                self.sent += found
                return found

    def deliver(self, notifications: Iterable[Notification]) -> None:
        for one in notifications:
            self.decisions.delivered(one.id, self.now_us)
        self.commit()

    def commit(self) -> None:
        for row in self.decisions.changes():
            if row.value is None:
                self.rows.pop(row.key, None)
            else:
                self.rows[row.key] = row

    def die(self) -> None:
        """Go on with nothing but what was committed."""
        self.decisions = Decisions(self.plan, self.rows.values())


def named(notification: Notification) -> dict[str, str]:
    """What a webhook's notification says of each alert it names."""
    return {one["fingerprint"]: one["status"] for one in orjson.loads(notification.body)["alerts"]}


__all__ = ["MINUTE", "SECOND", "START", "World", "alert", "named", "plan"]
