"""Try each way of calibration on dev and keep the one that costs least."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from models.training.encoder.answers import MAX_TOKENS
from models.training.encoder.batches import Batch, batches
from models.training.encoder.graph import write_graph
from models.training.encoder.network import Parameters
from models.training.encoder.progress import say
from models.training.encoder.quantize import METHODS, Scale, activation_scales, observe
from models.training.encoder.recipe import Recipe
from models.training.encoder.rows import Heads, Row

CALIBRATION_ROWS = 1024


def mean(figures: dict[str, float]) -> float:
    """Average the figures of a candidate."""
    return float(np.mean(list(figures.values())))


def _calibration(rows: list[Row], tokenizer: Tokenizer, recipe: Recipe, heads: Heads) -> list[Batch]:
    chosen = random.Random(recipe.seed).sample(rows, min(CALIBRATION_ROWS, len(rows)))
    whole = replace(recipe, public_damage=0.0, truncate_at=MAX_TOKENS)
    return list(batches([(row, False) for row in chosen], tokenizer, whole, heads, recipe.seed))


def best_scales(
    parameters: Parameters,
    rows: list[Row],
    tokenizer: Tokenizer,
    recipe: Recipe,
    heads: Heads,
    *,
    score: Callable[[Path], dict[str, float]],
    scratch: Path,
) -> tuple[str, dict[str, Scale], dict[str, float]]:
    """Give the name and the activation scales of the calibration that scores best, and the mean score of each.

    `rows` are calibrated on; `score` measures a graph (written to `scratch`) on dev rows, higher is better.
    """
    seen = observe(parameters, _calibration(rows, tokenizer, recipe, heads), recipe.seed)
    found: dict[str, tuple[float, dict[str, Scale]]] = {}
    for method in METHODS:
        scales = activation_scales(seen, method)
        write_graph(parameters, scratch, scales)
        figures = score(scratch)
        found[method] = (mean(figures), scales)
        say(f"integers, {method}: mean {mean(figures):.4f}", figures)
    best = max(found, key=lambda method: found[method][0])
    return best, found[best][1], {method: figure for method, (figure, _) in found.items()}
