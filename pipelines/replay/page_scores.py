"""How good the alerts are, in a replay's report: the figures of both sides beside what needs no skill."""

from __future__ import annotations

from html import escape

from pipelines.replay.comparison import Comparison
from pipelines.replay.evaluation import Evaluation
from pipelines.replay.measure import DEFINITIONS
from pipelines.replay.page_alerts import text
from pipelines.replay.words import SCORE_HEADS, counted, score_cells


def score_section(comparison: Comparison) -> str:
    """Return the figures with their definitions; nothing without labels."""
    evaluation = comparison.evaluation
    if evaluation is None:
        return ""
    ours = {side.name for side in comparison.sides}
    heads = "".join(f'<th class="number">{escape(head)}</th>' for head in SCORE_HEADS)
    rows = ""
    for name, scores in evaluation.scores.items():
        cells = "".join(f'<td class="number">{escape(cell)}</td>' for cell in score_cells(scores))
        rows += f'<tr class="{"ours" if name in ours else "plain"}"><td>{text(name)}</td>{cells}</tr>'
    definitions = "".join(f"<li>{escape(one)}</li>" for one in DEFINITIONS)
    kinds = _by_kind(comparison, evaluation)
    return (
        f"<h2>Against {counted(len(comparison.incidents), 'labelled incident')}</h2>"
        f'<p class="about">In grey what needs no skill: a side that does no better has none.</p>'
        f'<div class="card scroll"><table><tr><th></th>{heads}</tr>{rows}</table></div>{kinds}'
        f'<details class="more"><summary>Definitions</summary><ul class="notes">{definitions}</ul></details>'
    )


def _by_kind(comparison: Comparison, evaluation: Evaluation) -> str:
    sides = comparison.sides
    kinds = list(dict.fromkeys(incident.kind for incident in evaluation.incidents if incident.kind))
    if not kinds:
        return ""
    heads = "".join(f'<th class="number">{text(side.name)}</th>' for side in sides)
    rows = ""
    for kind in kinds:
        found = [evaluation.scores[side.name].by_kind.get(kind, (0, 0)) for side in sides]
        cells = "".join(f'<td class="number">{one} of {all_}</td>' for one, all_ in found)
        rows += f"<tr><td>{text(kind)}</td>{cells}</tr>"
    table = f'<div class="card scroll"><table><tr><th></th>{heads}</tr>{rows}</table></div>'
    return f"<h3>Found, by kind of incident</h3>{table}"
