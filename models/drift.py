"""Whether what a model meets and says is still like its reference: two distances, and what chance alone would do.

**PSI**, the population stability index: the sum over ranges of (p - q) ln(p / q). By the usual rule of credit scoring
(N. Siddiqi, Credit Risk Scorecards, 2006) below 0.1 nothing has changed, from 0.25 on it has. A share below a
thousandth counts as a thousandth, so that what is rare on both sides, or new and rare, weighs little. By chance alone
PSI is about (1/n + 1/m) times chi-squared with one degree of freedom less than ranges (B. Yurdakul, Statistical
Properties of Population Stability Index, 2018).

**KS**, the largest distance of the two cumulated shares (Kolmogorov-Smirnov), at the edges of the ranges, so never more
than over all values; by chance alone it is at most sqrt(-ln(chance / 2) / 2) sqrt((n + m) / (n m)) (N. Smirnov, 1948).
Labels have no order, and so no KS.

PSI says whether a change is large, the other bound whether it is more than chance: drift is both. The bounds of chance
hold for rows that know nothing of each other; those of one device do, so alone they would say too much. Fewer than a
hundred rows say nothing: `few`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

SHIFTING_PSI: Final = 0.1
DRIFTED_PSI: Final = 0.25
LEAST_SHARE: Final = 0.001
FEWEST_ROWS: Final = 100
CHANCE: Final = 0.001
_NORMAL_QUANTILE: Final = 3.090232306167813  # of 1 - CHANCE
Level = Literal["few", "stable", "shifting", "drifted"]
LEVELS: Final[tuple[Level, ...]] = ("few", "stable", "shifting", "drifted")


@dataclass(frozen=True, slots=True)
class Drift:
    """One figure of one model on one topic against its reference.

    `ks` and `ks_bound` are None for labels. `psi_chance` is the PSI that chance alone stays under, all but once in a
    thousand; `ks_bound` is that of KS.
    """

    figure: str
    rows: int
    reference_rows: int
    psi: float
    psi_chance: float
    ks: float | None
    ks_bound: float | None
    level: Level


def psi_of(expected: ArrayLike, found: ArrayLike) -> float:
    """Return the population stability index of two rows of counts.

    >>> psi_of([10, 10], [10, 10])
    0.0
    """
    shares = [_shares(np.asarray(counts, dtype=np.float64)) for counts in (expected, found)]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.maximum(counts / counts.sum(), LEAST_SHARE)
    return shares


def psi_by_chance(ranges: int, expected: int, found: int) -> float:
    """Return what PSI stays under by chance; the quantile of chi-squared is Wilson and Hilferty's (1931)."""
    freedom = max(ranges - 1, 1)
    quantile = freedom * (1 - 2 / (9 * freedom) + _NORMAL_QUANTILE * np.sqrt(2 / (9 * freedom))) ** 3
    return float(quantile * (1 / expected + 1 / found))


def ks_of(expected: ArrayLike, found: ArrayLike) -> float:
    """Return the largest distance of the cumulated shares of two rows of counts in the same ranges."""
    one, other = (np.cumsum(counts) / np.sum(counts) for counts in (expected, found))
    return float(np.abs(one - other).max())


def ks_by_chance(expected: int, found: int) -> float:
    """Return what KS stays under by chance."""
    return float(np.sqrt(-np.log(CHANCE / 2) / 2 * (1 / expected + 1 / found)))


def number_drift(figure: str, expected: ArrayLike, found: ArrayLike) -> Drift:
    """Compare counts in the reference's ranges."""
    of_reference, of_found = int(np.sum(expected)), int(np.sum(found))
    if not of_reference or not of_found:
        return Drift(figure, of_found, of_reference, 0.0, 0.0, None, None, "few")
    psi, ks = psi_of(expected, found), ks_of(expected, found)
    bound = ks_by_chance(of_reference, of_found)
    chance = psi_by_chance(len(np.atleast_1d(expected)), of_reference, of_found)
    level = _level(psi, of_found, by_chance=ks <= bound)
    return Drift(figure, of_found, of_reference, psi, chance, ks, bound, level)


def label_drift(figure: str, expected: Mapping[str, int], found: Mapping[str, int]) -> Drift:
    """Compare counts of labels; one that the reference never saw counts as a range that was empty there."""
    names = sorted(expected.keys() | found.keys())
    counts = [[side.get(name, 0) for name in names] for side in (expected, found)]
    of_reference, of_found = sum(counts[0]), sum(counts[1])
    if not of_reference or not of_found:
        return Drift(figure, of_found, of_reference, 0.0, 0.0, None, None, "few")
    psi, chance = psi_of(*counts), psi_by_chance(len(names), of_reference, of_found)
    return Drift(
        figure, of_found, of_reference, psi, chance, None, None, _level(psi, of_found, by_chance=psi <= chance)
    )


def _level(psi: float, rows: int, *, by_chance: bool) -> Level:
    if rows < FEWEST_ROWS:
        return "few"
    if by_chance or psi < SHIFTING_PSI:
        return "stable"
    return "drifted" if psi >= DRIFTED_PSI else "shifting"
