"""How many alerts are open, by state and severity: follows their topic and counts what has not been resolved."""

from __future__ import annotations

from collections import Counter

from infra.broker import Broker
from pipelines.records_in_order import Places, begin_of, end_of, records_in_order
from pipelines.seen_event import see
from schemas.alerts import ALERTS


class OpenAlerts:
    """Counts from the beginning of the topic at first, and what is new at each later look. For one thread."""

    def __init__(self, broker: Broker) -> None:
        """Nothing is read yet."""
        self._broker = broker
        self._places: Places = {}
        self._open: dict[str, tuple[str, str]] = {}

    def count(self) -> Counter[tuple[str, str]]:
        """Return how many alerts are open by (state, severity)."""
        ends = end_of(self._broker, ALERTS.name)
        starts = {**(begin_of(self._broker, ALERTS.name) if not self._places else {}), **self._places}
        for seen in see(records_in_order(self._broker, starts, ends)):
            self._note(str((seen.record.key or b"").decode(errors="replace")), seen.event)
        self._places = ends or self._places
        return Counter(self._open.values())

    def _note(self, fingerprint: str, event: dict[str, object] | None) -> None:
        if event is None or event.get("state") == "resolved":
            self._open.pop(fingerprint, None)
        else:
            self._open[fingerprint] = str(event.get("state")), str(event.get("severity"))
