"""Choose the margins of `records.MARGINS` on labelled series, all of them or those of all groups but one.

One margin after another is set to the best of a few, the others staying, until nothing is gained. What is a detection:
a reading that is news with those margins. The margins change neither means nor records, so the factors are computed
once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.telemetry_model import MONTHLY
from models.training.telemetry import records
from models.training.telemetry.formulas import STATE, STATE_WIDTH, Now, advance
from models.training.telemetry.nab_corpus import Labelled, side_by_side
from models.training.telemetry.nab_rules import PROFILES, Profile, Result, result_at
from models.training.telemetry.numeric import NumericOperations

Floats = NDArray[np.float64]
CANDIDATES = (1.0, 1.02, 1.04, 1.05, 1.06, 1.07, 1.08, 1.1, 1.13, 1.17, 1.22, 1.26, 1.3, 1.4, 1.6, 2.0, 1e9)
ROUNDS, LEAST_GAIN = 3, 0.05
_NOBODY = 0.5


def factors_of(corpus: Sequence[Labelled]) -> list[Floats]:
    """Return by series by what factor each reading surpasses each record, margins left out, (readings, respects)."""
    values, gaps = side_by_side(corpus)
    ops = NumericOperations()
    edges = np.cumsum([0, *STATE.values()])
    states = np.zeros((len(corpus), STATE_WIDTH))
    found = np.zeros((*values.shape, len(records.RESPECTS)))
    alarm = np.array([[MONTHLY]])
    for i, (row, gap) in enumerate(zip(values, gaps, strict=True)):
        there = np.isfinite(row)[:, None]
        value, seconds = np.where(there, row[:, None], 0.0), gap[:, None]
        memory = {name: states[:, a:b] for name, a, b in zip(STATE, edges, edges[1:], strict=False)}
        now = Now(ops, value, seconds, alarm, memory)
        record = records.Records(ops, now.value, seconds, now.steps, now.interval, now.count, now.floor, memory)
        found[i] = np.where(now.ready, record.factors * np.array(records.MARGINS), 0.0)
        states = np.where(there, advance(ops, value, seconds, alarm, memory)[1], states)
    return [found[: len(one.values), i] for i, one in enumerate(corpus)]


def news(surpassed: Floats) -> Floats:
    """Return 1 for a reading that is told as an event, else 0, given its largest factor over margins."""
    told = np.zeros(len(surpassed))
    last, height = -np.inf, 0.0
    for i in np.flatnonzero(surpassed >= 1.0):
        if i - last > records.QUIET or surpassed[i] > records.MUCH_FARTHER * height:
            told[i], last, height = 1.0, float(i), float(surpassed[i])
    return told


def judge_margins(
    corpus: Sequence[Labelled], factors: Sequence[Floats], margins: Sequence[float], profile: Profile
) -> Result:
    """Return the result of these margins, every event a detection."""
    told = [news((own / np.array(margins)).max(axis=1)) for own in factors]
    return result_at([one.judged for one in corpus], told, profile, _NOBODY)


def choose(corpus: Sequence[Labelled], factors: Sequence[Floats], begin: Sequence[float]) -> tuple[float, ...]:
    """Return the margins that are best by the standard profile, found from `begin`."""
    margins, best = list(begin), judge_margins(corpus, factors, begin, PROFILES["standard"]).score
    for _ in range(ROUNDS):
        before = best
        for at in range(len(margins)):
            for candidate in CANDIDATES:
                tried = [*margins[:at], candidate, *margins[at + 1 :]]
                score = judge_margins(corpus, factors, tried, PROFILES["standard"]).score
                if score > best:
                    margins, best = tried, score
        if best < before + LEAST_GAIN:
            break
    return tuple(margins)
