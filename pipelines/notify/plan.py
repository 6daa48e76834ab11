"""Who is to be told of what, and how often: routes, receivers and inhibition as values, in Alertmanager's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from pipelines.notify.time_interval import TimeInterval
from schemas.identity import identity
from schemas.matcher import Matcher, match_all

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
BY_ALL: Final = "..."
"""In `group_by`: every label, so each alert is a group of its own."""

Kind = Literal["webhook", "alertmanager", "apprise"]
KINDS: Final[tuple[Kind, ...]] = ("webhook", "alertmanager", "apprise")


@dataclass(frozen=True, slots=True)
class Step:
    """If nobody has acknowledged an alert so long after it was told, another receiver is told too."""

    after_us: int
    receiver: str


@dataclass(frozen=True, slots=True)
class Route:
    """One node of the tree: which alerts it takes, to whom they go, how they are grouped and how often they are told.

    `id` names it by the matchers on the way to it and its receiver, so that it is the same one after a restart.
    """

    id: str
    receiver: str
    matchers: tuple[Matcher, ...] = ()
    group_by: tuple[str, ...] = ("alertname",)
    group_wait_us: int = 30 * SECOND
    group_interval_us: int = 5 * MINUTE
    repeat_interval_us: int = 4 * HOUR
    continues: bool = False
    muted: tuple[TimeInterval, ...] = ()
    active: tuple[TimeInterval, ...] = ()
    escalate: tuple[Step, ...] = ()
    routes: tuple[Route, ...] = ()

    def find(self, labels: Mapping[str, str]) -> list[Route]:
        """Return the routes that take an alert: the deepest that match, the first one unless it `continues`."""
        if not match_all(self.matchers, labels):
            return []
        found: list[Route] = []
        for child in self.routes:
            deeper = child.find(labels)
            found += deeper
            if deeper and not child.continues:
                break
        return found or [self]

    def walk(self) -> Iterator[Route]:
        """Give this route and all beneath it."""
        yield self
        for child in self.routes:
            yield from child.walk()

    def group_labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return the labels by which an alert is grouped here; one that it does not have is left out."""
        if BY_ALL in self.group_by:
            return dict(sorted(labels.items()))
        return {name: labels[name] for name in sorted(self.group_by) if name in labels}

    def is_quiet(self, now_us: int) -> bool:
        """Tell whether this route keeps silent now."""
        if any(one.contains(now_us) for one in self.muted):
            return True
        return bool(self.active) and not any(one.contains(now_us) for one in self.active)


@dataclass(frozen=True, slots=True)
class Receiver:
    """How much one receiver is told. `rate_limit` notifications in `rate_window_us`, then a digest; 0: no limit.

    `whole` says that it needs each alert, over several notifications where they are many; the others name the worst.
    `language` is what it is told in; None: frames in English, what was written as it stands.
    """

    name: str
    kind: Kind
    rate_limit: int = 30
    rate_window_us: int = MINUTE
    give_up_us: int = 24 * HOUR
    send_resolved: bool = True
    language: str | None = None

    @property
    def whole(self) -> bool:
        """Whether each alert must reach it: Alertmanager groups them itself."""
        return self.kind == "alertmanager"


@dataclass(frozen=True, slots=True)
class InhibitRule:
    """While an alert that `source` takes is firing, those that `target` takes are not told, if `equal` labels agree."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides what is told to whom."""

    route: Route
    receivers: Mapping[str, Receiver]
    inhibit_rules: tuple[InhibitRule, ...] = ()
    by_id: Mapping[str, Route] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find the routes by their ids."""
        object.__setattr__(self, "by_id", {route.id: route for route in self.route.walk()})


def route_id(parent: str, matchers: tuple[Matcher, ...], receiver: str, number: int) -> str:
    """Return the id of a route; `number` counts siblings of the same matchers and receiver."""
    return identity(parent, receiver, number, *map(str, matchers))[:16]
