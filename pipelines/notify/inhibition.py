"""Inhibition: while a site has no power, nobody needs to hear that its devices cannot be reached.

A label that must agree has to be there in both alerts. Where both lack it Alertmanager takes them as equal; here they
are not, for nobody knows whether two devices of unknown site stand at the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pipelines.notify.alert import Alert
from pipelines.notify.plan import InhibitRule
from schemas.matcher import match_all


class Inhibitions:
    """Knows which firing alerts are sources of which rules, by the values of the labels that must agree."""

    def __init__(self, rules: Sequence[InhibitRule]) -> None:
        self._rules = tuple(rules)
        self._sources: list[dict[tuple[str, ...], set[str]]] = [defaultdict(set) for _ in rules]
        self._places: dict[str, list[tuple[int, tuple[str, ...]]]] = {}

    def take(self, alert: Alert) -> None:
        """Take an alert as it is now; one that is not firing is no source."""
        self.forget(alert.fingerprint)
        if not alert.firing:
            return
        for number, rule in enumerate(self._rules):
            values = _values(rule, alert)
            if values is not None and match_all(rule.source, alert.labels):
                self._sources[number][values].add(alert.fingerprint)
                self._places.setdefault(alert.fingerprint, []).append((number, values))

    def forget(self, fingerprint: str) -> None:
        """Forget an alert."""
        for number, values in self._places.pop(fingerprint, ()):
            sources = self._sources[number][values]
            sources.discard(fingerprint)
            if not sources:
                del self._sources[number][values]

    def inhibits(self, alert: Alert) -> bool:
        """Tell whether another firing alert makes it not worth telling.

        One that is a source itself is not inhibited by other sources of the same rule, or two would hide each other.
        """
        for number, rule in enumerate(self._rules):
            if match_all(rule.target, alert.labels) and not match_all(rule.source, alert.labels):
                values = _values(rule, alert)
                sources = None if values is None else self._sources[number].get(values)
                if sources and sources != {alert.fingerprint}:
                    return True
        return False


def _values(rule: InhibitRule, alert: Alert) -> tuple[str, ...] | None:
    """Return the values that must agree; None where one is missing or empty, and so agrees with nothing."""
    values = tuple(alert.labels.get(name, "") for name in rule.equal)
    return values if all(values) else None
