"""Drift in a replay's report: whether each model met and said what it is used to, over all and window by window."""

from __future__ import annotations

from collections.abc import Iterator

from models.drift import Drift
from pipelines.drift.kept_drift import KeptDrift
from pipelines.drift.told import RULE, verdict
from pipelines.drift.watched import ModelDrift
from pipelines.replay.comparison import Comparison
from pipelines.replay.page_alerts import text
from pipelines.replay.words import counted

_CLASS = {"few": "small", "stable": "yes", "shifting": "from", "drifted": "no"}


def drift_section(comparison: Comparison) -> Iterator[str]:
    """Give a table of figures for each model and topic of each side, and one of its windows."""
    told = [(side.name, one) for side in comparison.sides for one in side.drift]
    yield '<h2 id="drift">Drift</h2>'
    if not told:
        yield '<p class="about">No model of this code answered anything here.</p>'
        return
    yield f'<p class="about">Each model beside the reference on its card. {text(RULE, 400)}</p>'
    for name, one in told:
        yield f'<h3>{text(one.whole.topic)}</h3><p class="about">{text(name)}: {_verdict(one.whole)}</p>'
        if one.whole.figures:
            yield _figures(one.whole)
            yield from _windows(one)


def _verdict(one: ModelDrift) -> str:
    word = "no" if one.drifted or one.data is None else "yes"
    beside = (
        "" if one.data is None else f" {counted(one.rows, 'row')} beside {one.reference_rows:,} of {text(one.data)}."
    )
    return f'<span class="{word}">{text(verdict(one), 400)}</span>.{beside}'


def _figures(one: ModelDrift) -> str:
    heads = "".join(
        f"<th{'' if name in ('figure', 'level') else ' class=number'}>{name}</th>"
        for name in ("figure", "rows", "PSI", "by chance", "KS", "bound", "level")
    )
    rows = "".join(_row(figure) for figure in one.figures)
    return f'<div class="card scroll"><table><tr>{heads}</tr>{rows}</table></div>'


def _row(one: Drift) -> str:
    if not one.rows:
        numbers = ["–"] * 4
    else:
        numbers = [
            "–" if value is None else f"{value:.3f}" for value in (one.psi, one.psi_chance, one.ks, one.ks_bound)
        ]
    cells = "".join(f'<td class="number">{value}</td>' for value in (f"{one.rows:,}", *numbers))
    return f"<tr><td>{text(one.figure)}</td>{cells}<td>{_level(one)}</td></tr>"


def _windows(one: KeptDrift) -> Iterator[str]:
    """Give the PSI of each window of event time."""
    if len(one.windows) < 2:
        return
    first = 5 if len({name[:10] for name, _ in one.windows}) > 1 else 11  # the day as well, where there are several
    heads = "".join(f"<th>{name[first:16].replace('T', ' ')}</th>" for name, _ in one.windows)
    rows = "".join(
        f"<tr><td>{text(figure.figure)}</td>{''.join(_cell(of.figures[place]) for _, of in one.windows)}</tr>"
        for place, figure in enumerate(one.whole.figures)
    )
    yield f'<div class="card scroll"><table class="grid"><tr><th>PSI from</th>{heads}</tr>{rows}</table></div>'


def _cell(one: Drift) -> str:
    return "<td></td>" if not one.rows else f'<td><span class="{_CLASS[one.level]}">{one.psi:.2f}</span></td>'


def _level(one: Drift) -> str:
    return f'<span class="{_CLASS[one.level]}">{one.level}</span>'
