"""How surprising normal sequences are to a table that did not learn from them: the yardstick of scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.event_grams import EventGrams
from models.sequence_facts import Tail
from models.training.sequences.surprise import count_runs, surprises

FOLDS = 5
KNOTS = 256


def held_out_surprises(encoded: Sequence[Sequence[int]], events: Sequence[str], order: int) -> NDArray[np.float64]:
    """Return, for each encoded normal sequence, its surprise to a table of the other four fifths; sorted."""
    found = []
    for fold in range(FOLDS):
        others = [one for i, one in enumerate(encoded) if i % FOLDS != fold]
        table = count_runs(others or encoded, order)
        found.append(surprises(table, EventGrams(order, events, table.runs), encoded[fold::FOLDS]))
    return np.sort(np.concatenate(found))


def tail_of(held_out: NDArray[np.float64], false_alarms: float) -> Tail:
    """Return the shares of normal sequences by surprise, and the limit that `false_alarms` of them exceed."""
    rows = len(held_out)
    distinct, first = np.unique(held_out, return_index=True)
    # The share of sequences at least as surprising, this one counted among them, so that it is never zero.
    share = (rows - first + 1) / (rows + 1)
    if len(distinct) > KNOTS:
        # Half of the knots by rank, half among the most surprising, where the shares matter.
        kept = np.unique(
            [
                *np.linspace(0, len(distinct) - 1, KNOTS // 2).astype(int),
                *range(len(distinct) - KNOTS // 2, len(distinct)),
            ]
        )
        distinct, share = distinct[kept], share[kept]
    limit = float(np.quantile(held_out, 1.0 - false_alarms, method="higher"))
    return Tail(tuple(distinct.tolist()), tuple(share.tolist()), limit)
