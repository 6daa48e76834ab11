"""Which alerts are in which groups, looked up from either side."""

from __future__ import annotations

from collections import defaultdict


class Members:
    """Pairs of (group, alert)."""

    def __init__(self) -> None:
        self._alerts: dict[str, set[str]] = defaultdict(set)
        self._groups: dict[str, set[str]] = defaultdict(set)

    def join(self, group: str, fingerprint: str) -> None:
        """Put an alert into a group."""
        self._alerts[group].add(fingerprint)
        self._groups[fingerprint].add(group)

    def leave(self, group: str, fingerprint: str) -> None:
        """Take an alert out of a group."""
        for pairs, one, other in ((self._alerts, group, fingerprint), (self._groups, fingerprint, group)):
            pairs[one].discard(other)
            if not pairs[one]:
                del pairs[one]

    def alerts(self, group: str) -> list[str]:
        """Return the alerts of a group, in an order that depends on nothing else."""
        return sorted(self._alerts.get(group, ()))

    def groups(self, fingerprint: str) -> list[str]:
        """Return the groups of an alert, in an order that depends on nothing else."""
        return sorted(self._groups.get(fingerprint, ()))

    def is_empty(self, group: str) -> bool:
        """Tell whether a group has no alerts."""
        return group not in self._alerts
