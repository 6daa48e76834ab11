"""What changed most, in a replay's report: what to look at first, in which way, and where."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.replay.change_figures import where_it_differs
from pipelines.replay.comparison import Comparison
from pipelines.replay.figures import differences_by_kind
from pipelines.replay.notable import look_first
from pipelines.replay.page_alerts import Cards
from pipelines.replay.page_answers import Plot
from pipelines.replay.words import changes_in_words


def change_section(comparison: Comparison, cards: Cards, plot: Plot) -> Iterator[str]:
    """Give the differences that matter most, then how many there are of each kind, rule and device."""
    alerts = comparison.alerts
    if alerts is None or not alerts.differing:
        return
    yield '<h2>Look at these first</h2><p class="about">By severity and by what is different: an alert that is gone '
    yield "weighs more than one that is added, and that more than one that only looks another way.</p>"
    for one in look_first(alerts):
        how = {"added": "added", "gone": "gone"}.get(
            one.way, "" if one.change is None else changes_in_words(one.change)
        )
        yield cards.card(one.alert, how, one.way)
    yield '<div class="pair"><section>'
    kinds = differences_by_kind(comparison)
    yield plot("differs-kind", kinds, "How they differ", "A changed alert may count under several kinds.")
    order = "Most differing first: gone, added, changed, and the same, in these colours."
    yield plot("differs-rule", where_it_differs(comparison, "rule"), "Which rules", order)
    yield "</section><section>"
    yield plot("differs-device", where_it_differs(comparison, "device"), "Which devices", order)
    yield "</section></div>"
