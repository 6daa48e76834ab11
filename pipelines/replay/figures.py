"""The plots of a replay's report, as plain Plotly figures: data and layout, no styling that depends on the theme.

A colour that starts with `--` names a CSS variable; the page puts in what the reader's theme says (report.js).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any, Final

from pipelines.replay.compare_answers import AnswerDifference
from pipelines.replay.comparison import Comparison
from pipelines.replay.words import KIND_WORDS, duration
from pipelines.seen_event import time_text
from schemas.safe_text import safe_text
from schemas.severity import SEVERITIES

Figure = dict[str, Any]

MOST_LABELS: Final = 14
_BINS: Final = 60
_NICE_S: Final = (1, 5, 10, 30, 60, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)
RAISED: Final = SEVERITIES[:-1]  # nothing is raised as `cleared`


def alerts_over_time(comparison: Comparison) -> Figure | None:
    """Alerts by the time they fired, stacked by severity: the candidate's upwards, the baseline's downwards."""
    sides = [(comparison.candidate, 1)]
    if comparison.baseline is not None:
        sides.append((comparison.baseline, -1))
    alerts = [alert for side, _ in sides for alert in side.alerts]
    if not alerts:
        return None
    survey = comparison.survey
    first = min([alert.fired_us for alert in alerts] + ([survey.first_us] if survey.first_us is not None else []))
    last = max([alert.fired_us for alert in alerts] + ([survey.until_us] if survey.until_us is not None else []))
    width = _bin_us(last - first)
    traces: list[Figure] = []
    for severity in RAISED:
        for side, sign in sides:
            counts = Counter(one.fired_us // width for one in side.alerts if one.severity == severity)
            if not counts:
                continue
            bins = sorted(counts)
            traces.append(
                {
                    "type": "bar",
                    "name": severity,
                    "legendgroup": severity,
                    "showlegend": not any(one["name"] == severity for one in traces),
                    "x": [time_text(one * width + width // 2) for one in bins],
                    "y": [sign * counts[one] for one in bins],
                    "width": width / 1000 * 0.92,
                    "marker": {"color": f"--{severity}"},
                    "customdata": [[counts[one], escape(side.name)] for one in bins],
                    "hovertemplate": f"%{{customdata[0]}} {severity}, %{{customdata[1]}}<br>%{{x}}<extra></extra>",
                }
            )
    highest = _highest(traces)
    layout: Figure = {
        "barmode": "relative",
        "height": 300,
        "xaxis": {"type": "date", "range": [time_text(first), time_text(last + width)]},
        "yaxis": {"title": {"text": f"alerts each {duration(width / 1e6)}"}, **_whole_ticks(highest, len(sides) == 2)},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
    }
    if len(sides) == 2:
        layout["annotations"] = [
            _side_note("candidate ▲", 1.0, "top"),
            _side_note("baseline ▼", 0.0, "bottom"),
        ]
    return {"data": traces, "layout": layout}


def differences_by_kind(comparison: Comparison) -> Figure | None:
    """How many alerts differ in which way, beside how many are the same."""
    alerts = comparison.alerts
    if alerts is None or not alerts.differing:
        return None
    kinds = [
        (KIND_WORDS[kind], count, _KIND_COLOURS.get(kind, "--changed")) for kind, count in alerts.by_kind().items()
    ]
    rows = [("the same", len(alerts.same), "--quiet"), *(row for row in kinds if row[1])]
    rows.reverse()  # Plotly draws the first one at the bottom
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "y": [name.partition(":")[0] for name, _, _ in rows],
                "x": [count for _, count, _ in rows],
                "text": [f"{count:,}" for _, count, _ in rows],
                "textposition": "outside",
                "cliponaxis": False,
                "marker": {"color": [colour for _, _, colour in rows]},
                "hovertemplate": "%{y}: %{x}<extra></extra>",
            }
        ],
        "layout": {
            "height": 24 + 30 * len(rows),
            "margin": {"t": 8, "b": 8, "r": 48},
            "bargap": 0.35,
            "xaxis": {"visible": False},
            "yaxis": {"automargin": True, "showgrid": False},
        },
    }


def label_matrix(answer: AnswerDifference) -> Figure | None:
    """From which label to which an answer's events went: one row a label of the baseline, coloured by share of it."""
    if not answer.changed:
        return None
    weight: Counter[str] = Counter()
    for (old, new), count in answer.pairs.items():
        if old != new:
            weight[old] += count
            weight[new] += count
    labels = [label for label, _ in weight.most_common(MOST_LABELS)]
    totals = {old: sum(count for (one, _), count in answer.pairs.items() if one == old) for old in labels}
    counts = [[answer.pairs.get((old, new), 0) for new in labels] for old in labels]
    shares = [
        [None if old == new or not totals[old] else row[place] / totals[old] for place, new in enumerate(labels)]
        for old, row in zip(labels, counts, strict=True)
    ]
    names = [tick_text(label) for label in labels]
    return {
        "data": [
            {
                "type": "heatmap",
                "x": names,
                "y": names,
                "z": shares,
                "customdata": counts,
                "text": [[f"{count:,}" if count else "" for count in row] for row in counts],
                "texttemplate": "%{text}",
                "textfont": {"color": "--ink"},
                "hovertemplate": "%{y} → %{x}: %{customdata}<extra></extra>",
                "colorscale": "--heat",
                "zmin": 0,
                "showscale": False,
                "xgap": 2,
                "ygap": 2,
            }
        ],
        "layout": {
            "height": 110 + 30 * len(labels),
            "xaxis": {"title": {"text": "candidate"}, "tickangle": -35, "automargin": True, "showgrid": False},
            "yaxis": {
                "title": {"text": "baseline"},
                "autorange": "reversed",
                "automargin": True,
                "showgrid": False,
            },
        },
    }


_KIND_COLOURS: Final = {"added": "--added", "gone": "--gone"}


def _bin_us(span_us: int) -> int:
    """Return the width of a bin: a length of time that a person would choose, so that about _BINS fit."""
    wanted = span_us / 1e6 / _BINS
    return next((one for one in _NICE_S if one >= wanted), -(-int(wanted) // 86_400) * 86_400) * 1_000_000


def _highest(traces: Sequence[Figure]) -> int:
    sums: Counter[tuple[str, bool]] = Counter()
    for trace in traces:
        for x, y in zip(trace["x"], trace["y"], strict=True):
            sums[x, y > 0] += abs(y)
    return max(sums.values(), default=1)


def _whole_ticks(highest: int, mirrored: bool) -> Figure:
    """Ticks at whole numbers, without a sign below zero: a count is a count on either side."""
    step = next(one * 10**power for power in range(9) for one in (1, 2, 5) if highest <= one * 10**power * 4)
    ups = list(range(0, highest + step, step))
    values = [-one for one in reversed(ups[1:])] + ups if mirrored else ups
    room = highest * 1.15
    return {
        "tickvals": values,
        "ticktext": [f"{abs(one):,}" for one in values],
        "range": [-room if mirrored else 0, room],
        "zeroline": True,
    }


def _side_note(text: str, y: float, anchor: str) -> Figure:
    return {
        "text": text, "xref": "paper", "yref": "paper", "x": 1, "y": y, "xanchor": "right", "yanchor": anchor,
        "showarrow": False,
    }  # fmt: skip


def tick_text(text: str) -> str:
    """Return a short text for an axis: Plotly reads some HTML in it, so what others wrote is escaped."""
    return escape(safe_text(text, 22))
