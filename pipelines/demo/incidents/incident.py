"""A planted thing: what goes wrong (or only looks so), on which devices, when, and by which signals it shows."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import Any

from pipelines.demo.event import DemoEvent, rfc3339

SETTLING_US = 3_600_000_000
"""So long after its end the readings still count as an effect's doing: the way back is as unusual as the way out."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What an incident does to one metric: an amount added to its readings, along straight lines between points.

    `points` are (time in microseconds since 1970, amount), in order of time; before the first and after the last
    there is no effect.
    """

    device_id: str
    metric: str
    points: tuple[tuple[int, float], ...]

    def at(self, time_us: int) -> float:
        """Return the amount added at this time."""
        if not self.points[0][0] <= time_us < self.points[-1][0]:
            return 0.0
        index = bisect_right(self.points, time_us, key=lambda point: point[0])
        (left_us, left), (right_us, right) = self.points[index - 1 : index + 1]
        return left + (right - left) * (time_us - left_us) / (right_us - left_us)


@dataclass(frozen=True, slots=True)
class Incident:
    """One planted thing, with all of its truth.

    `start_us` is when it begins, before anything shows; `end_us` when it is over and
    what it touched has settled; `alarm_us` when the device's own
    hard alarm is raised, None when there is none. `signals` are the events it sends by itself, in order of time;
    `effects` change readings that are sent anyway. `harmless` things deserve no alert.
    """

    name: str
    kind: str
    title: str
    harmless: bool
    devices: tuple[str, ...]
    start_us: int
    end_us: int
    alarm_us: int | None
    signals: tuple[DemoEvent, ...]
    effects: tuple[Effect, ...]

    @property
    def ground_truth(self) -> dict[str, Any]:
        """The truth as plain values for a report: JSON knows all of them."""
        return {
            "name": self.name,
            "kind": self.kind,
            "title": self.title,
            "harmless": self.harmless,
            "devices": list(self.devices),
            "start": rfc3339(self.start_us),
            "end": rfc3339(self.end_us),
            "hard_alarm": None if self.alarm_us is None else rfc3339(self.alarm_us),
            "signals": dict(Counter(signal.topic for signal in self.signals)),
            "metrics": [f"{effect.device_id} {effect.metric}" for effect in self.effects],
        }
