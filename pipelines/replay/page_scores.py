"""How good the alerts are, in a replay's report: figures with their intervals beside what needs no skill, and costs."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from pipelines.replay.change_figures import cost_over_threshold
from pipelines.replay.comparison import Comparison
from pipelines.replay.costs import MISS_COSTS
from pipelines.replay.evaluation import Evaluation
from pipelines.replay.intervals import MEASURES, Certainty, Interval
from pipelines.replay.measure import DEFINITIONS
from pipelines.replay.page_alerts import text
from pipelines.replay.page_answers import Plot
from pipelines.replay.words import SCORE_HEADS, counted, difference_cell, interval_cell, score_cells

# Of the measures, those of which less is better.
_LESS: Final = frozenset({"delay_s", "delay_p90_s", "false_alarms_a_device_day"})
_COUNTS: Final = len(SCORE_HEADS) - len(MEASURES)  # the cells before the measures: alerts, found


def score_section(comparison: Comparison, plot: Plot) -> Iterator[str]:
    """Give the figures with their definitions; nothing without labels."""
    evaluation = comparison.evaluation
    if evaluation is None:
        return
    heads = "".join(f'<th class="number">{escape(head)}</th>' for head in SCORE_HEADS)
    rows = "".join(_rows(comparison, evaluation))
    definitions = "".join(f"<li>{escape(one)}</li>" for one in DEFINITIONS)
    sure = evaluation.certainty
    about = "In grey what needs no skill: a side that does no better has none."
    if sure is not None:
        about += (
            f" Below each figure its 95 % interval: {sure.resamples:,} bootstrap resamples of "
            f"{counted(sure.device_days, 'device-day')}, seed {sure.seed}."
        )
        if sure.device_days < 30:
            about += " So few device-days say little about days to come."
    yield f'<h2 id="truth">Against {counted(len(evaluation.incidents), "labelled incident")}</h2>'
    yield f'<p class="about">{escape(about)}</p>'
    yield f'<div class="card scroll"><table class="scores"><tr><th></th>{heads}</tr>{rows}</table></div>'
    yield f'<details class="more"><summary>Definitions</summary><ul class="notes">{definitions}</ul></details>'
    yield '<div class="pair">'
    yield f"<section>{_by_kind(comparison, evaluation)}</section>"
    yield f"<section>{_costs(comparison, evaluation)}</section></div>"
    worth = f"With a missed incident worth {evaluation.miss_cost:g} false alarms (--miss-cost). The dots: the cheapest."
    yield plot("figures-cost", cost_over_threshold(comparison), "What a threshold on the score would cost", worth)


def _rows(comparison: Comparison, evaluation: Evaluation) -> Iterator[str]:
    sure = evaluation.certainty
    for name, scores in evaluation.scores.items():
        side = next((one for one in comparison.sides if one.name == name), None)
        below = [""] * len(SCORE_HEADS)
        if side is not None and sure is not None:
            below = [""] * _COUNTS + [interval_cell(one, sure.sides[name][one]) for one in MEASURES]
        cells = "".join(
            f'<td class="number">{escape(cell)}{f"<small>{escape(small)}</small>" if small else ""}</td>'
            for cell, small in zip(score_cells(scores), below, strict=True)
        )
        role = "" if side is None or comparison.baseline is None else f"{_role(comparison, name)}<br>"
        shown = f'{role}<small class="name">{text(name, 120)}</small>' if role else text(name, 120)
        yield f'<tr class="{"plain" if side is None else "ours"}"><td>{shown}</td>{cells}</tr>'
        if name == comparison.candidate.name and sure is not None and sure.difference is not None:
            yield _difference(comparison, evaluation, sure)


def _difference(comparison: Comparison, evaluation: Evaluation, sure: Certainty) -> str:
    """Return the row of candidate less baseline; green and red where the interval leaves zero out."""
    assert comparison.baseline is not None and sure.difference is not None
    before, after = (evaluation.scores[side.name] for side in comparison.sides)
    cells = f'<td class="number">{after.alerts - before.alerts:+,.0f}</td>'
    cells += f'<td class="number">{after.found - before.found:+,.0f}</td>'
    for measure in MEASURES:
        interval = sure.difference[measure]
        old, new = getattr(before, measure), getattr(after, measure)
        cell = difference_cell(measure, None if old is None or new is None else new - old)
        small = interval_cell(measure, interval, signed=True)
        cells += f'<td class="number {_judgement(measure, interval)}">{escape(cell)}<small>{escape(small)}</small></td>'
    return f'<tr class="ours"><td>difference</td>{cells}</tr>'


def _judgement(measure: str, interval: Interval | None) -> str:
    if interval is None or interval[0] <= 0 <= interval[1]:
        return ""
    return "yes" if (interval[0] > 0) != (measure in _LESS) else "no"


def _role(comparison: Comparison, name: str) -> str:
    return "candidate" if name == comparison.candidate.name else "baseline"


def _by_kind(comparison: Comparison, evaluation: Evaluation) -> str:
    kinds = list(dict.fromkeys(incident.kind for incident in evaluation.incidents if incident.kind))
    if not kinds:
        return ""
    heads = "".join(f'<th class="number">{_role(comparison, side.name)}</th>' for side in comparison.sides)
    rows = ""
    for kind in kinds:
        found = [evaluation.scores[side.name].by_kind.get(kind, (0, 0)) for side in comparison.sides]
        cells = "".join(f'<td class="number">{one} of {all_}</td>' for one, all_ in found)
        rows += f"<tr><td>{text(kind)}</td>{cells}</tr>"
    table = f'<div class="card scroll"><table><tr><th></th>{heads}</tr>{rows}</table></div>'
    return f"<h3>Found, by kind of incident</h3>{table}"


def _costs(comparison: Comparison, evaluation: Evaluation) -> str:
    """Return what the mistakes cost as they are, and at the cheapest threshold, for several costs of a miss."""
    heads = "".join(
        f'<th class="number">{_role(comparison, side.name)}</th><th class="number">at best</th>'
        for side in comparison.sides
    )
    rows = ""
    for cost in MISS_COSTS:
        cells = ""
        for side in comparison.sides:
            curve = evaluation.costs[side.name]
            best = curve.best(cost)
            where = "none raised" if best.threshold is None else f"from {best.threshold:.2f}"
            where = "as it is" if best == curve.as_it_is else where
            cells += f'<td class="number">{curve.as_it_is.cost(cost):,.4g}</td>'
            cells += f'<td class="number">{best.cost(cost):,.4g}<small>{where}</small></td>'
        rows += f'<tr><td class="number">{cost}</td>{cells}</tr>'
    table = f'<table><tr><th class="number">a miss costs</th>{heads}</tr>{rows}</table>'
    return f'<h3>Cost of the mistakes, in false alarms</h3><div class="card scroll">{table}</div>'
