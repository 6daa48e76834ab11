"""The report of a training, for a person: figures beside their baselines, and plots. One file, no network."""

from __future__ import annotations

from html import escape
from pathlib import Path

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from models.training.intents.measure import Measured

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1d2733 }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .25rem .9rem .25rem 0; text-align: left }
td + td, th + th { text-align: right; font-variant-numeric: tabular-nums } tr { border-bottom: 1px solid #dde3ea }
.note { color: #5b6b7c }
"""
WORST = 40


def write_report(path: Path, name: str, figures: Measured) -> None:
    """Write the figures and plots of a bundle as one HTML page."""
    parts = [
        f"<h1>{escape(name)}</h1>",
        "<p class='note'>All figures are of the dev rows that the training was given, "
        f"{figures.rows:,} of them; thresholds and the best pass were chosen on the same rows.</p>",
        _table("How well", _rows(figures)),
        _plot(_curves(figures)),
        _plot(_reliability(figures)),
        _plot(_labels(figures)),
        _table(
            "Most confused (truth, answer, rows)",
            [(f"{escape(a)} → {escape(b)}", str(n)) for a, b, n in figures.confused],
        ),
        _table("Accuracy on damaged texts", [(escape(kind), f"{one:.2%}") for kind, one in figures.damage.items()]),
    ]
    page = (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{escape(name)}</title><style>{STYLE}</style>"
        f"<script>{get_plotlyjs()}</script><body>{''.join(parts)}</body></html>"
    )
    path.write_text(page, encoding="utf-8")


def _rows(figures: Measured) -> list[tuple[str, str]]:
    oos = figures.oos
    rows = [
        ("accuracy in scope, the shipped integers", f"{figures.accuracy:.2%}"),
        ("the same in float32", f"{figures.float32_accuracy:.2%}"),
        ("its teacher", "none" if figures.teacher_accuracy is None else f"{figures.teacher_accuracy:.2%}"),
        ("always the most frequent label", f"{figures.trivial_accuracy:.2%}"),
        ("macro F1, all labels", f"{figures.macro_f1:.3f}"),
        ("expected calibration error", f"{figures.calibration.error:.3f}"),
        (f"called out of scope though in it ({oos.outside.method})", f"{oos.false_rate:.2%}"),
    ]
    if oos.f1 is not None and oos.recall is not None:
        rows += [("out-of-scope rows found", f"{oos.recall:.2%}"), ("F1 of oos", f"{oos.f1:.3f}")]
    rows += [(f"texts a second, {kind}, two threads", f"{n:,.0f}") for kind, n in figures.texts_per_second.items()]
    return rows


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    lines = "".join(f"<tr><td>{a}</td><td>{b}</td></tr>" for a, b in rows)
    return f"<h2>{escape(title)}</h2><table>{lines}</table>"


def _plot(figure: go.Figure) -> str:
    figure.update_layout(template="plotly_white", height=380, margin={"l": 60, "r": 20, "t": 50, "b": 50})
    return str(figure.to_html(full_html=False, include_plotlyjs=False))


def _curves(figures: Measured) -> go.Figure:
    plot = go.Figure()
    for name, curve in figures.curves.items():
        plot.add_scatter(x=list(range(1, len(curve) + 1)), y=curve, mode="lines+markers", name=name)
    plot.update_layout(title="Dev accuracy by pass", xaxis_title="pass", yaxis_title="accuracy in scope")
    return plot


def _reliability(figures: Measured) -> go.Figure:
    means, shares, rows = zip(*figures.calibration.bins, strict=True)
    plot = go.Figure()
    plot.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": "#9aa7b5"}, name="perfect")
    plot.add_scatter(
        x=means,
        y=shares,
        mode="markers+lines",
        name="this bundle",
        text=[f"{n} rows" for n in rows],
        hoverinfo="text+x+y",
    )
    plot.update_layout(title="Can its probabilities be trusted?", xaxis_title="probability", yaxis_title="share right")
    return plot


def _labels(figures: Measured) -> go.Figure:
    worst = sorted(figures.by_label.items(), key=lambda one: one[1]["f1"])[:WORST]
    plot = go.Figure()
    plot.add_bar(x=[label for label, _ in worst], y=[one["f1"] for _, one in worst], name="F1")
    plot.update_layout(title=f"F1 by label, the {len(worst)} lowest", yaxis_range=[0, 1])
    return plot
