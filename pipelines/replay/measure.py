"""Measure alerts against true incidents: precision, recall, F1, delay, false alarms; beside what no skill would get.

The definitions are DEFINITIONS, printed wherever the figures are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipelines.replay.episodes import Episode
from pipelines.replay.incidents import Incident
from pipelines.replay.judge import Judged, judge

HOUR_US: Final = 3_600_000_000

DEFINITIONS: Final = (
    "An alert is right when it fires, or an event that is its evidence happens, within an incident of its device; "
    "otherwise it is a false alarm.",
    "Precision: right alerts / all alerts. Recall: incidents with a right alert / all incidents. "
    "F1: 2 x precision x recall / (precision + recall).",
    "Delay: seconds from an incident's beginning until a right alert fires (one that had fired before: until its first "
    "evidence within); the earliest for each incident; the median, and p90 (nine in ten are faster), over those found.",
    "False alarms a device-day: false alarms / (devices in the history x its days).",
    "Beside them, without any skill: `never` raises nothing; `always` raises an alert for each device at each full "
    "hour that lasts until the next; `by chance` raises as many alerts as the candidate, each for a random device and "
    "moment (expected values).",
)


@dataclass(frozen=True, slots=True)
class Scores:
    """How good the alerts of one side are; a figure is null where it has no meaning (precision without alerts)."""

    alerts: float
    right: float
    incidents: int
    found: float
    precision: float | None
    recall: float | None
    f1: float | None
    delay_s: float | None
    delay_p90_s: float | None
    false_alarms_a_device_day: float | None
    by_kind: dict[str, tuple[int, int]]  # kind of incident -> (found, all)


@dataclass(frozen=True, slots=True)
class Watched:
    """What was watched: how many devices, from when to when (event time, microseconds since 1970)."""

    devices: int
    first_us: int
    until_us: int

    @property
    def device_days(self) -> float:
        """Devices times days."""
        return self.devices * (self.until_us - self.first_us) / 86_400e6


def measure_alerts(alerts: Sequence[Episode], incidents: Sequence[Incident], watched: Watched) -> Scores:
    """Measure one side."""
    return measure(judge(alerts, incidents), watched)


def measure(judged: Judged, watched: Watched) -> Scores:
    """Measure one side whose alerts have been judged."""
    kinds: dict[str, tuple[int, int]] = {}
    for index, incident in enumerate(judged.incidents):
        found, all_ = kinds.get(incident.kind or "", (0, 0))
        kinds[incident.kind or ""] = (found + (index in judged.delays), all_ + 1)
    delays = list(judged.delays.values())
    found_of_all = (len(delays), len(judged.incidents))
    return _scores((judged.right, len(judged.alerts)), found_of_all, delays, watched, kinds)


def without_skill(alerts: int, incidents: Sequence[Incident], watched: Watched) -> dict[str, Scores]:
    """Return what needs no skill: alerting never, always, and `alerts` times by chance."""
    return {
        "never": _scores((0, 0), (0, len(incidents)), [], watched),
        "always": _always(incidents, watched),
        "by chance": _by_chance(alerts, incidents, watched),
    }


def _always(incidents: Sequence[Incident], watched: Watched) -> Scores:
    first, last = watched.first_us // HOUR_US, watched.until_us // HOUR_US
    right = {
        (incident.device_id, hour)
        for incident in incidents
        for hour in range(max(first, incident.from_us // HOUR_US), min(last, incident.until_us // HOUR_US) + 1)
    }
    alerts = watched.devices * (last - first + 1)
    return _scores((len(right), alerts), (len(incidents), len(incidents)), [0.0] * len(incidents), watched)


def _by_chance(alerts: int, incidents: Sequence[Incident], watched: Watched) -> Scores:
    """Alerts of no length, uniform over devices and time: expected values in closed form."""
    whole = watched.devices * (watched.until_us - watched.first_us)
    if not whole:
        return _scores((0, alerts), (0, len(incidents)), [], watched)
    right = alerts * sum(_length(spans) for spans in _spans_by_device(incidents, watched)) / whole
    lengths = [_length([(max(i.from_us, watched.first_us), min(i.until_us, watched.until_us))]) for i in incidents]
    found = sum(1 - (1 - min(1.0, length / whole)) ** alerts for length in lengths)
    return _scores((right, alerts), (found, len(incidents)), [], watched)


def _spans_by_device(incidents: Sequence[Incident], watched: Watched) -> list[list[tuple[int, int]]]:
    spans: dict[str, list[tuple[int, int]]] = {}
    for one in incidents:
        inside = (max(one.from_us, watched.first_us), min(one.until_us, watched.until_us))
        spans.setdefault(one.device_id, []).append(inside)
    return list(spans.values())


def _length(spans: Sequence[tuple[int, int]]) -> int:
    """Length of the union of some spans."""
    covered, reached = 0, None
    for start, end in sorted(spans):
        new = start if reached is None else max(start, reached)
        if end > new:
            covered += end - new
            reached = end
    return covered


def _scores(
    alerts: tuple[float, float],
    incidents: tuple[float, int],
    delays: Sequence[float],
    watched: Watched,
    by_kind: dict[str, tuple[int, int]] | None = None,
) -> Scores:
    """Work out the figures from alerts (right, all) and incidents (found, all)."""
    (right, all_alerts), (found, all_incidents) = alerts, incidents
    precision = right / all_alerts if all_alerts else None
    recall = found / all_incidents if all_incidents else None
    f1 = None
    if recall is not None:  # raising nothing finds nothing: 0, though its precision has no meaning
        f1 = 2 * precision * recall / (precision + recall) if precision and recall else 0.0
    return Scores(
        alerts=all_alerts,
        right=right,
        incidents=all_incidents,
        found=found,
        precision=precision,
        recall=recall,
        f1=f1,
        delay_s=float(np.quantile(delays, 0.5)) if delays else None,
        delay_p90_s=float(np.quantile(delays, 0.9)) if delays else None,
        false_alarms_a_device_day=(all_alerts - right) / watched.device_days if watched.device_days else None,
        by_kind=by_kind or {},
    )
