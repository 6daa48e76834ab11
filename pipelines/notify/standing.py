"""How the notifier stands: what it has done since it began, and what it knows now. For whoever watches it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from pipelines.notify.book import Notification, Reason
from pipelines.notify.courier import Outcome
from pipelines.notify.decisions import Decisions
from pipelines.notify.plan import Plan


@dataclass(slots=True)
class Deeds:
    """What one process has done since it began. Written by its loop, read by any thread.

    `decided` by receiver and reason, `tries` to send by receiver and what came of them, `retries` those of them that
    were not the first, by receiver.
    """

    decided: Counter[tuple[str, Reason]] = field(default_factory=Counter)
    tries: Counter[tuple[str, str]] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)

    def note_decided(self, notification: Notification) -> None:
        """Count a notification that is to be sent."""
        self.decided[notification.receiver, notification.reason] += 1

    def note_tried(self, outcome: Outcome) -> None:
        """Count a try to send one."""
        receiver = outcome.notification.receiver
        self.tries[receiver, outcome.state] += 1
        self.retries[receiver] += outcome.tries > 1


@dataclass(frozen=True, slots=True)
class Standing:
    """What a notifier knows at one moment.

    `waiting` are notifications that are neither delivered nor given up, `held` how many groups wait for a digest by
    receiver, `firing` how many alerts fire by severity.
    """

    waiting: tuple[Notification, ...] = ()
    held: Counter[str] = field(default_factory=Counter)
    firing: Counter[str] = field(default_factory=Counter)


def standing_of(decisions: Decisions, plan: Plan) -> Standing:
    """Return how things stand, while another thread may go on deciding: each table is copied at one moment."""
    book = decisions.book
    routes = (plan.by_id.get(group.route) for group in list(book.groups.values()) if group.held)
    return Standing(
        tuple(book.outbox.values()),
        Counter(route.receiver for route in routes if route is not None),
        Counter(known.alert.severity for known in list(book.alerts.values()) if known.alert.firing),
    )
