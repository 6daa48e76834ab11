"""Measure the finished bundle: dev, the rows set aside, public dev rows, speed, and the golden answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from models.training.encoder.answers import labels_and_scores, logits_of, open_session
from models.training.encoder.equality import unequal_answers
from models.training.encoder.progress import say
from models.training.text.corpus import Corpus
from models.training.text.golden import GOLDEN_TEXTS
from models.training.text.heads import HEADS
from models.training.text.measure import figures_by_head, figures_by_set, fit_temperatures
from models.training.text.real_logs import agreement_by_system
from models.training.text.trust import calibration_by_head, confusions, cost_of_damage, dev_by_label

EQUALITY_TEXTS = 250


def measure(
    path: Path, tokenizer: Tokenizer, corpus: Corpus, datasets: Path
) -> tuple[dict[str, object], dict[str, float]]:
    """Give the card's figures and each head's temperature (chosen on dev rows only)."""
    session = open_session(path)

    def answer(texts: list[str]) -> np.ndarray:
        return logits_of(session, tokenizer, texts)

    dev, aside, public = (
        logits_of(session, tokenizer, [row.text for row in rows])
        for rows in (corpus.dev, corpus.set_aside, corpus.public_dev)
    )
    temperatures = fit_temperatures(corpus.dev + corpus.public_dev, np.concatenate([dev, public]))
    figures: dict[str, object] = {
        "dev": figures_by_head(corpus.dev, dev, corpus.train),
        "set_aside": figures_by_head(corpus.set_aside, aside, corpus.train),
        "public_dev_sentiment": figures_by_set(corpus.public_dev, public, corpus.train),
        "dev_by_label": dev_by_label(corpus.dev, dev),
        "dev_confusions": confusions(corpus.dev, dev),
        "dev_calibration": calibration_by_head(corpus.dev, dev, temperatures),
        "dev_points_lost_by_damage": cost_of_damage(corpus.dev, answer),
        "real_logs_area_under_roc": agreement_by_system(datasets, answer),
    }
    return figures, temperatures


def assert_equal_answers(path: Path, tokenizer: Tokenizer, corpus: Corpus, seed: int) -> int:
    """Raise when any text's bits depend on batch, order or threads; give the number of texts that were tried."""
    rows = corpus.dev + corpus.public_dev
    texts = [*GOLDEN_TEXTS, *(row.text for row in rows[:: max(1, len(rows) // EQUALITY_TEXTS)])]
    unequal = unequal_answers(path, tokenizer, texts, seed)
    if unequal:
        raise AssertionError(f"{unequal} of {len(texts)} texts get other bits in another batch, order or thread count")
    return len(texts)


def golden_answers(path: Path, tokenizer: Tokenizer, temperatures: dict[str, float]) -> list[dict[str, object]]:
    """Ask the finished model for the golden texts' answers."""
    logits = logits_of(open_session(path), tokenizer, list(GOLDEN_TEXTS))
    answers = labels_and_scores(logits, HEADS, temperatures)
    for text, answer in zip(GOLDEN_TEXTS, answers, strict=True):
        say(text, {head: given["label"] for head, given in answer.items()})
    return [{"text": text, **answer} for text, answer in zip(GOLDEN_TEXTS, answers, strict=True)]
