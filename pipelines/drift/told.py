"""Drift in words and as JSON: what `hubbub models drift`, the replay and its report say of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.drift import DRIFTED_PSI, FEWEST_ROWS, SHIFTING_PSI, Drift
from pipelines.drift.watched import ModelDrift

DECIMALS = 4
RULE = (
    f"PSI below {SHIFTING_PSI} is stable, from {DRIFTED_PSI} on drift (Siddiqi 2006), if it is more than chance does "
    "once in a thousand: by KS for numbers (Smirnov 1948), by PSI's own distribution for labels (Yurdakul 2018). "
    f"Fewer than {FEWEST_ROWS} rows say nothing."
)


def drift_object(one: ModelDrift) -> dict[str, Any]:
    """Return it as plain values; figures with six keys that never change, in the order of the reference."""
    return {
        "model": one.model,
        "topic": one.topic,
        "rows": one.rows,
        "reference": None if one.data is None else {"data": one.data, "rows": one.reference_rows},
        "drifted": list(one.drifted),
        "figures": [_figure(figure) for figure in one.figures],
    }


def _figure(one: Drift) -> dict[str, Any]:
    return {
        "figure": one.figure,
        "rows": one.rows,
        "reference_rows": one.reference_rows,
        "psi": round(one.psi, DECIMALS),
        "psi_bounds": [SHIFTING_PSI, DRIFTED_PSI],
        "psi_by_chance": round(one.psi_chance, DECIMALS),
        "ks": None if one.ks is None else round(one.ks, DECIMALS),
        "ks_bound": None if one.ks_bound is None else round(one.ks_bound, DECIMALS),
        "level": one.level,
    }


def verdict(one: ModelDrift) -> str:
    """Say in a sentence how a model stands on a topic."""
    name = f"{one.model} on {one.topic}"
    if one.data is None:
        return f"{name}: no reference on its card, so nobody can tell; `hubbub models reference` makes one"
    if one.drifted:
        return f"{name}: drifted: {', '.join(one.drifted)}"
    shifting = [figure.figure for figure in one.figures if figure.level == "shifting"]
    return f"{name}: shifting: {', '.join(shifting)}" if shifting else f"{name}: like its reference"


def rows_of(figures: Sequence[Drift]) -> list[tuple[str, ...]]:
    """Return a table of figures, a head first."""
    rows: list[tuple[str, ...]] = [("FIGURE", "ROWS", "PSI", "BY CHANCE", "KS", "BOUND", "LEVEL")]
    for one in figures:
        ks, bound = ("-" if value is None else f"{value:.3f}" for value in (one.ks, one.ks_bound))
        psi, chance = (f"{value:.3f}" if one.rows else "-" for value in (one.psi, one.psi_chance))
        rows.append((one.figure, f"{one.rows:,}", psi, chance, ks, bound, one.level))
    return rows
