"""The plots of a replay's report that show where the differences lie, and what mistakes cost."""

from __future__ import annotations

from typing import Final

from pipelines.replay.comparison import Comparison
from pipelines.replay.costs import CostCurve
from pipelines.replay.figures import Figure, tick_text
from pipelines.replay.notable import changed_most

_SIDE_STYLES: Final = {"baseline": ("--base", "dot"), "candidate": ("--candidate", "solid")}
_END: Final = 1.04  # where the axis of scores ends: a little above 1
_WAY_COLOURS: Final = {"gone": "--gone", "added": "--added", "changed": "--changed", "same": "--quiet"}


def where_it_differs(comparison: Comparison, by: str) -> Figure | None:
    """How many alerts of each rule (or device, ...) are gone, added, changed, and the same."""
    alerts = comparison.alerts
    if alerts is None or not alerts.differing:
        return None
    found = changed_most(alerts, by)[::-1]  # Plotly draws the first one at the bottom
    names = [tick_text(name) for name, _ in found]
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "name": way,
                "y": names,
                "x": [counts[way] for _, counts in found],
                "text": [f"{counts[way]:,}" if counts[way] else "" for _, counts in found],
                "textposition": "inside",
                "insidetextanchor": "middle",
                "textangle": 0,
                "marker": {"color": colour},
                "hovertemplate": f"%{{x}} {way}<extra></extra>",
            }
            for way, colour in _WAY_COLOURS.items()
        ],
        "layout": {
            "barmode": "stack",
            "height": 56 + 30 * len(names),
            "showlegend": False,
            "margin": {"t": 8, "b": 8},
            "xaxis": {"visible": False},
            "yaxis": {"automargin": True, "showgrid": False},
        },
    }


def cost_over_threshold(comparison: Comparison) -> Figure | None:
    """What holding back alerts under a score would cost, with a dot where it is cheapest."""
    evaluation = comparison.evaluation
    if evaluation is None or not evaluation.incidents:
        return None
    roles = ["baseline", "candidate"][-len(comparison.sides) :]
    traces: list[Figure] = []
    highest = 0.0
    for side, role in zip(comparison.sides, roles, strict=True):
        colour, dash = _SIDE_STYLES[role]
        curve = evaluation.costs[side.name]
        xs, ys, texts = _steps(curve, evaluation.miss_cost)
        highest = max(highest, *ys)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": role,
                "x": xs,
                "y": ys,
                "text": texts,
                "line": {"color": colour, "dash": dash, "width": 2.5},
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
        best = curve.best(evaluation.miss_cost)
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"{role}, cheapest",
                "showlegend": False,
                "x": [_END if best.threshold is None else best.threshold],
                "y": [best.cost(evaluation.miss_cost)],
                "marker": {"size": 11, "color": colour, "line": {"width": 2, "color": "--card"}},
                "hovertemplate": f"{role}, cheapest: %{{y:.4g}} at a score of %{{x:.3g}}<extra></extra>",
            }
        )
    return {
        "data": traces,
        "layout": {
            "height": 300,
            "hovermode": "closest",
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "xaxis": {"title": {"text": "alerts under this score are held back"}, "range": [-0.02, _END]},
            "yaxis": {"title": {"text": "cost in false alarms"}, "range": [0, highest * 1.08 or 1]},
        },
    }


def _steps(curve: CostCurve, miss_cost: float) -> tuple[list[float], list[float], list[str]]:
    """Return the corners of a step line: between two scores that occur nothing changes."""
    xs: list[float] = []
    ys: list[float] = []
    texts: list[str] = []
    previous = 0.0
    for point in curve.points:
        # From just above the last score up to and including this one, the alerts of this score are still raised.
        until = _END if point.threshold is None else point.threshold
        xs += [previous, until]
        ys += [point.cost(miss_cost)] * 2
        where = "all held back" if point.threshold is None else f"from a score of {point.threshold:.3g}"
        said = f"{where}: {point.false_alarms:,} false alarms, {point.misses:,} missed"
        texts += [f"{said}, cost {point.cost(miss_cost):.4g}"] * 2
        previous = until
    return xs, ys, texts
