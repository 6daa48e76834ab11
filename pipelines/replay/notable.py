"""What changed most: differences by rule, device and category, and the ones that a person should look at first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipelines.replay.compare import AlertDifferences, Change
from pipelines.replay.episodes import Episode
from schemas.severity import SEVERITIES

MOST: Final = 10
FIRST: Final = 3
WAYS: Final = ("added", "gone", "changed")
BY: Final[Mapping[str, Callable[[Episode], str]]] = {
    "rule": lambda alert: alert.rule,
    "device": lambda alert: alert.device_id,
    "category": lambda alert: alert.category or "(none)",
}
# How much a difference says by its kind: an alert that is not raised any more may be a fire that nobody hears of.
_WEIGHT: Final = {
    "gone": 4.0, "added": 3.0, "severity": 2.5, "later": 2.0, "earlier": 1.5, "state": 1.0, "category": 1.0,
}  # fmt: skip
_OTHERWISE: Final = 0.5
_RANK: Final = {severity: len(SEVERITIES) - place for place, severity in enumerate(SEVERITIES)}


@dataclass(frozen=True, slots=True)
class Difference:
    """One alert that differs: `change` where both sides raise it. `way` is one of WAYS."""

    way: str
    alert: Episode
    change: Change | None = None

    @property
    def weight(self) -> float:
        """How much it matters: the kind of difference times the severity, the higher of both sides."""
        alerts = [self.alert] if self.change is None else [self.alert, self.change.before]
        kinds = [self.way] if self.change is None else self.change.kinds
        rank = max(_RANK.get(alert.severity, 0) for alert in alerts)
        return rank * max(_WEIGHT.get(kind, _OTHERWISE) for kind in kinds)


def differences(alerts: AlertDifferences) -> Iterator[Difference]:
    """Give all differences; a changed alert as the candidate has it."""
    yield from (Difference("added", one) for one in alerts.added)
    yield from (Difference("gone", one) for one in alerts.gone)
    yield from (Difference("changed", one.after, one) for one in alerts.changed)


def look_first(alerts: AlertDifferences, most: int = FIRST) -> list[Difference]:
    """Return what matters most, no rule of one device twice, the heaviest first and of equals the earliest."""
    found: list[Difference] = []
    seen: set[tuple[str, str]] = set()
    for one in sorted(differences(alerts), key=lambda one: (-one.weight, one.alert.fired_us, one.alert.alert_id)):
        about = (one.alert.device_id, one.alert.rule)
        if about not in seen and len(found) < most:
            seen.add(about)
            found.append(one)
    return found


def changed_most(alerts: AlertDifferences, by: str, most: int = MOST) -> list[tuple[str, dict[str, int]]]:
    """Return (name, how many differ in each of WAYS, and how many are `same`) for the names that differ most."""
    name_of = BY[by]
    counts: dict[str, Counter[str]] = {}
    for one in differences(alerts):
        counts.setdefault(name_of(one.alert), Counter())[one.way] += 1
    same = Counter(name_of(one) for one in alerts.same)
    ranked: Sequence[str] = sorted(counts, key=lambda name: (-counts[name].total(), name))
    return [(name, {way: counts[name][way] for way in WAYS} | {"same": same[name]}) for name in ranked[:most]]
