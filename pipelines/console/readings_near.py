"""The readings around odd ones: a plot for each metric that evidence names, all on one time axis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from infra.broker import Broker
from pipelines.console.events_near import event_us, events_near
from pipelines.console.evidence import Evidence
from pipelines.console.telemetry_plot import Plot, plot_of, readings_of
from pipelines.console.time_axis import TimeAxis, axis_around
from schemas.answers import DEVICE_TELEMETRY_ENRICHED

MOST_PLOTS: Final = 4
BEFORE_US: Final = 3_600_000_000
"""An alert's plot shows what the metric was like before, so much at least."""


@dataclass(frozen=True, slots=True)
class DevicePlot:
    """One metric of one device."""

    device_id: str
    plot: Plot


@dataclass(frozen=True, slots=True)
class Plots:
    """Plots, the most told of first. `whole` is False where there was more to read than a page waits for.

    `units` are those of the metrics, by device and metric: evidence names none.
    """

    plots: list[DevicePlot]
    whole: bool = True
    units: Mapping[tuple[str, str], str] = field(default_factory=dict)


def plots_of(broker: Broker, evidence: Iterable[Evidence], axis: TimeAxis | None = None) -> Plots:
    """Return plots of the metrics that evidence is about; without an axis, around its own time."""
    told = [one for one in evidence if one.kind == "telemetry" and one.metric is not None]
    moments = [at for one in told if (at := event_us({"event_time": one.when})) is not None]
    if not moments:
        return Plots([])
    if axis is None:
        span_us = max(moments) - min(moments)
        axis = axis_around(min(moments) - max(BEFORE_US, span_us // 2), max(moments) + BEFORE_US // 4, share=0)
    metrics = Counter((one.device_id, str(one.metric)) for one in told).most_common(MOST_PLOTS)
    by_device: dict[str, list[dict[str, Any]]] = {}
    plots, units, whole = [], {}, True
    for (device, metric), _ in metrics:
        if device not in by_device:
            topic = DEVICE_TELEMETRY_ENRICHED.name
            found = events_near(broker, topic, device, axis.from_us, axis.until_us, most=20_000)
            by_device[device], whole = found.events, whole and found.whole
        unit, readings = readings_of(by_device[device]).get(metric, ("", []))
        units[device, metric] = unit
        if len(readings) > 1:
            plots.append(DevicePlot(device, plot_of(metric, unit, readings, span_s=axis.span_s)))
    return Plots(plots, whole, units)
