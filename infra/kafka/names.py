"""Names on the cluster: each topic, group and transaction of hubbub's there begins with the prefix of the settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KafkaNames:
    """Turns names that hubbub uses inside into those on the cluster, and back.

    >>> KafkaNames("acme.").outer("alarms"), KafkaNames("acme.").inner("acme.alarms"), KafkaNames("acme.").inner("x")
    ('acme.alarms', 'alarms', None)
    """

    prefix: str = ""

    def outer(self, name: str) -> str:
        """Return the name on the cluster."""
        return self.prefix + name

    def inner(self, name: str) -> str | None:
        """Return the name inside hubbub; None for a name that is not hubbub's, or the cluster's own bookkeeping."""
        if not name.startswith(self.prefix) or name.startswith("__"):
            return None
        return name[len(self.prefix) :]
