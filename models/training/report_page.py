"""The report of a training on one page, for a person: tables and plots, one file, no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1d2733 }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .25rem .9rem .25rem 0; text-align: left }
td + td, th + th { text-align: right; font-variant-numeric: tabular-nums } tr { border-bottom: 1px solid #dde3ea }
.note { color: #5b6b7c }
"""
Rows = Sequence[tuple[str, object]]


def write_page(path: Path, name: str, note: str, tables: Mapping[str, Rows], plots: Sequence[Any] = ()) -> None:
    """Write tables (title to rows of what and how much) and Plotly figures; everything is escaped."""
    from plotly.offline import get_plotlyjs

    parts = [f"<h1>{escape(name)}</h1><p class='note'>{escape(note)}</p>"]
    for title, rows in tables.items():
        lines = "".join(f"<tr><td>{escape(what)}</td><td>{escape(_told(value))}</td></tr>" for what, value in rows)
        parts.append(f"<h2>{escape(title)}</h2><table>{lines}</table>")
    for plot in plots:
        plot.update_layout(template="plotly_white", height=380, margin={"l": 60, "r": 20, "t": 50, "b": 50})
        parts.append(str(plot.to_html(full_html=False, include_plotlyjs=False)))
    script = f"<script>{get_plotlyjs()}</script>" if plots else ""
    path.write_text(
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{escape(name)}</title><style>{STYLE}</style>"
        f"{script}<body>{''.join(parts)}</body></html>",
        encoding="utf-8",
    )


def _told(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
