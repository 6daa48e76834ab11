"""Judge alerts by the truth: which of them are right, which incidents they found, and after how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pipelines.replay.episodes import Episode
from pipelines.replay.incidents import Incident


@dataclass(frozen=True)
class Judged:
    """The alerts of one side, the incidents, and which alert hits which: `hits[i]` maps the index of each incident that
    alert i is right about to the delay in seconds after which it told of it."""

    alerts: tuple[Episode, ...]
    incidents: tuple[Incident, ...]
    hits: tuple[Mapping[int, float], ...]

    @property
    def right(self) -> int:
        """How many alerts are right."""
        return sum(1 for one in self.hits if one)

    @cached_property
    def delays(self) -> dict[int, float]:
        """Seconds until the first right alert, for each incident that was found."""
        delays: dict[int, float] = {}
        for hits in self.hits:
            for incident, delay in hits.items():
                delays[incident] = min(delay, delays.get(incident, delay))
        return delays


def judge(alerts: Sequence[Episode], incidents: Sequence[Incident]) -> Judged:
    """Judge each alert by the definitions of measure.DEFINITIONS."""
    by_device: dict[str, list[int]] = {}
    for index, incident in enumerate(incidents):
        by_device.setdefault(incident.device_id, []).append(index)
    hits = []
    for alert in alerts:
        moments = [alert.fired_us, *alert.evidence_us]
        found: dict[int, float] = {}
        for index in by_device.get(alert.device_id, ()):
            incident = incidents[index]
            if inside := [at for at in moments if incident.from_us <= at <= incident.until_us]:
                found[index] = (max(alert.fired_us, min(inside)) - incident.from_us) / 1e6
        hits.append(found)
    return Judged(tuple(alerts), tuple(incidents), tuple(hits))
