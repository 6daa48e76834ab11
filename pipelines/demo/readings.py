"""Telemetry: each metric's readings at regular intervals, with its daily pattern, its noise and what incidents add."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from random import Random

from pipelines.demo.event import DemoEvent
from pipelines.demo.incidents.incident import SETTLING_US, Effect, Incident
from pipelines.demo.metrics import Metric
from schemas.device_telemetry import DEVICE_TELEMETRY

DAY_S = 86_400
_MEMORY = 0.6  # of the noise: how much of one reading's deviation is left in the next
_VISIBLE = 3.0  # times the noise: from here on a changed reading counts as a signal of the incident
_MISSING = 0.0008  # share of readings that a device sends without a value


def readings(
    device_id: str,
    metric: Metric,
    *,
    start_us: int,
    end_us: int,
    interval_s: int,
    incidents: Sequence[Incident],
    rng: Random,
) -> Iterator[DemoEvent]:
    """Yield a metric's readings from start to end, in order of time. A simulated day begins at `start_us`."""
    effects = [
        (effect, incident)
        for incident in incidents
        for effect in incident.effects
        if (effect.device_id, effect.metric) == (device_id, metric.name)
    ]
    phase_s, deviation, spread = rng.uniform(0, metric.period_s), 0.0, math.sqrt(1 - _MEMORY**2)
    time_us = start_us + rng.randrange(interval_s * 1_000_000)
    while time_us < end_us:
        deviation = _MEMORY * deviation + spread * rng.gauss(0, metric.noise)
        second = (time_us - start_us) / 1e6
        usual = metric.base + metric.swing * _pattern(metric, second, phase_s) + deviation
        added, cause = _added(effects, time_us, metric)
        value = min(max(usual + added, metric.low), metric.high)
        sent = None if cause is None and rng.random() < _MISSING else round(value, metric.decimals)
        fields: dict[str, object] = {"metric": metric.name, "value": sent, "unit": metric.unit}
        yield DemoEvent(DEVICE_TELEMETRY.name, device_id, time_us, fields, cause)
        time_us += interval_s * 1_000_000 + rng.randrange(-400_000, 400_000)


def _added(effects: Sequence[tuple[Effect, Incident]], time_us: int, metric: Metric) -> tuple[float, str | None]:
    """Return what all incidents add to a reading, and the name of the one that visibly changed it, or just did."""
    total, cause = 0.0, None
    for effect, incident in effects:
        amount = effect.at(time_us)
        total += amount
        over_us = effect.points[-1][0]
        if abs(amount) >= _VISIBLE * metric.noise or over_us <= time_us < over_us + SETTLING_US:
            cause = incident.name
    return total, cause


def _pattern(metric: Metric, second: float, phase_s: float) -> float:
    """Return the metric's pattern at a second of the day, in [0, 1]."""
    hour = second % DAY_S / 3600
    match metric.pattern:
        case "cycle":  # warms up slowly while the compressor rests, cools down in a third of the time
            part = (second + phase_s) % metric.period_s / metric.period_s
            return part / 0.75 if part < 0.75 else (1 - part) / 0.25
        case "sun":
            return max(0.0, math.sin((hour - 6) / 12 * math.pi)) if 6 <= hour <= 18 else 0.0
        case "office":
            return _between(hour, 8.5, 1.2) - _between(hour, 17.5, 1.5)
        case "evening":
            return 0.35 * _between(hour, 6.8, 0.7) - 0.25 * _between(hour, 9.0, 1.0) + 0.9 * _evening(hour)
        case "flat":
            return 0.0


def _evening(hour: float) -> float:
    return _between(hour, 17.5, 1.5) - _between(hour, 22.5, 1.0)


def _between(hour: float, middle: float, width: float) -> float:
    """Return a soft step from 0 to 1 around `middle` (logistic curve, `width` hours wide)."""
    return 1 / (1 + math.exp(-4 * (hour - middle) / width))
