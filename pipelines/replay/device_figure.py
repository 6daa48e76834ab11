"""The plot of a replay's report that shows device by device when there were alerts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Final

from pipelines.replay.comparison import Comparison
from pipelines.replay.episodes import Episode
from pipelines.replay.figures import RAISED, Figure, tick_text
from pipelines.seen_event import time_text
from schemas.safe_text import safe_text

MOST_DEVICES: Final = 24


def devices_over_time(comparison: Comparison) -> Figure | None:
    """When each device had alerts: the candidate's bar above the baseline's, true incidents as a band behind both."""
    names = _devices(comparison)
    if not names:
        return None
    lane = {name: len(names) - 1 - place for place, name in enumerate(names)}
    sides = [(comparison.candidate, 0.0)]
    if comparison.baseline is not None:
        sides = [(comparison.candidate, 0.2), (comparison.baseline, -0.2)]
    traces: list[Figure] = []
    for severity in RAISED:
        for side, shift in sides:
            alerts = [one for one in side.alerts if one.severity == severity and one.device_id in lane]
            if alerts:
                shown = not any(trace["name"] == severity for trace in traces)
                traces.append(_bars(alerts, severity, side.name, lane, shift) | {"showlegend": shown})
    survey = comparison.survey
    layout: Figure = {
        "height": 84 + 32 * len(names),
        "hovermode": "closest",
        "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        "xaxis": {"type": "date"},
        "yaxis": {
            "tickvals": list(lane.values()),
            "ticktext": [tick_text(name) for name in lane],
            "range": [-0.6, len(names) - 0.4],
            "zeroline": False,
            "showgrid": False,
            "automargin": True,
        },
        "shapes": [
            {
                "type": "rect",
                "layer": "below",
                "x0": time_text(one.from_us),
                "x1": time_text(one.until_us),
                "y0": lane[one.device_id] - 0.42,
                "y1": lane[one.device_id] + 0.42,
                "fillcolor": "--incident",
                "line": {"width": 0},
            }
            for one in comparison.incidents
            if one.device_id in lane
        ],
    }
    if survey.first_us is not None and survey.until_us is not None:
        margin = max((survey.until_us - survey.first_us) // 50, 1_000_000)
        layout["xaxis"]["range"] = [time_text(survey.first_us - margin), time_text(survey.until_us + margin)]
    return {"data": traces, "layout": layout}


def _bars(alerts: Sequence[Episode], severity: str, side: str, lane: dict[str, int], shift: float) -> Figure:
    """Return a line for each alert with a dot where it fired; the baseline's lie below, and are paler."""
    xs: list[str | None] = []
    ys: list[float | None] = []
    texts: list[str | None] = []
    for alert in alerts:
        xs += [time_text(alert.fired_us), time_text(max(alert.last_us, alert.fired_us)), None]
        ys += [lane[alert.device_id] + shift] * 2 + [None]
        texts += [_hover(alert, side)] * 2 + [None]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": severity,
        "legendgroup": severity,
        "x": xs,
        "y": ys,
        "text": texts,
        "opacity": 1 if shift >= 0 else 0.55,
        "hovertemplate": "%{text}<extra></extra>",
        "line": {"width": 4, "color": f"--{severity}"},
        "marker": {"size": [8, 1, 0] * len(alerts), "opacity": 1, "color": f"--{severity}", "line": {"width": 0}},
        "connectgaps": False,
    }


def _devices(comparison: Comparison) -> list[str]:
    """Return the devices to show: those whose alerts differ most, then those with incidents, then those with most."""
    weight: Counter[str] = Counter()
    alerts = comparison.alerts
    if alerts is not None:
        for one in (*alerts.added, *alerts.gone, *(change.after for change in alerts.changed)):
            weight[one.device_id] += 10_000
    for incident in comparison.incidents:
        weight[incident.device_id] += 1000
    for side in (comparison.candidate, comparison.baseline):
        for alert in side.alerts if side is not None else ():
            weight[alert.device_id] += 1
    return [name for name, _ in sorted(weight.items(), key=lambda item: (-item[1], item[0]))[:MOST_DEVICES]]


def _hover(alert: Episode, side: str) -> str:
    """Text for a hover label: Plotly reads some HTML in it, so what others wrote is escaped."""
    end = "open" if alert.resolved_us is None else time_text(alert.resolved_us)[11:19]
    lines = [
        f"<b>{escape(alert.severity)}</b> {escape(safe_text(alert.rule, 60))}, {escape(side)}",
        escape(safe_text(alert.summary, 90)),
        f"{time_text(alert.fired_us)[:19]} to {end}, {alert.count:,} events",
    ]
    return "<br>".join(lines)
