"""Try each way of calibration on dev and keep the one that costs least."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from models.training.text.answers import MAX_TOKENS, logits_of, open_session
from models.training.text.corpus import Corpus
from models.training.text.fit import Batch, Recipe, batches
from models.training.text.graph import write_graph
from models.training.text.measure import figures_by_head, figures_by_set
from models.training.text.network import Parameters
from models.training.text.progress import say
from models.training.text.quantize import METHODS, Scale, activation_scales, observe

CALIBRATION_ROWS = 1024
PUBLIC_ROWS_SCORED = 2400


def score(path: Path, tokenizer: Tokenizer, corpus: Corpus) -> dict[str, float]:
    """Give a figure for each head and kind on dev (macro F1) and each public set (accuracy on part of its dev rows)."""
    session = open_session(path)
    logits = logits_of(session, tokenizer, [row.text for row in corpus.dev])
    figures = {
        f"{head}.{kind}": float(str(figure["macro_f1"]))
        for head, kinds in figures_by_head(corpus.dev, logits, corpus.train).items()
        for kind, figure in kinds.items()
        if "." not in kind
    }
    public = corpus.public_dev[:: max(1, len(corpus.public_dev) // PUBLIC_ROWS_SCORED)]
    logits = logits_of(session, tokenizer, [row.text for row in public])
    for name, figure in figures_by_set(public, logits, corpus.train).items():
        figures[name] = float(str(figure["accuracy"]))
    return figures


def mean(figures: dict[str, float]) -> float:
    """Average the figures of `score`."""
    return float(np.mean(list(figures.values())))


def _calibration(corpus: Corpus, tokenizer: Tokenizer, recipe: Recipe) -> list[Batch]:
    chosen = random.Random(recipe.seed).sample(corpus.train, min(CALIBRATION_ROWS, len(corpus.train)))
    tokenizer.enable_truncation(MAX_TOKENS)
    found = list(batches([(row, False) for row in chosen], tokenizer, replace(recipe, public_damage=0.0), recipe.seed))
    tokenizer.no_truncation()
    return found


def best_scales(
    parameters: Parameters, tokenizer: Tokenizer, corpus: Corpus, recipe: Recipe, scratch: Path
) -> tuple[str, dict[str, Scale]]:
    """Give the name and the activation scales of the calibration that scores best on dev."""
    seen = observe(parameters, _calibration(corpus, tokenizer, recipe), recipe.seed)
    found: dict[str, tuple[float, dict[str, Scale]]] = {}
    for method in METHODS:
        scales = activation_scales(seen, method)
        write_graph(parameters, scratch, scales)
        figures = score(scratch, tokenizer, corpus)
        found[method] = (mean(figures), scales)
        say(f"integers, {method}: mean {mean(figures):.4f}", figures)
    best = max(found, key=lambda method: found[method][0])
    return best, found[best][1]
