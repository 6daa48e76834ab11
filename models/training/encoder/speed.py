"""How fast a graph answers, from text to logits."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

from tokenizers import Tokenizer

from models.training.encoder.answers import logits_of, open_session

TEXTS = 2000


def texts_per_second(path: Path, tokenizer: Tokenizer, texts: list[str]) -> float:
    """Time the whole way for two thousand of these texts, again and again if they are fewer; on two cores."""
    many = list(itertools.islice(itertools.cycle(texts), TEXTS))
    session = open_session(path)
    logits_of(session, tokenizer, many[:100])
    started = time.monotonic()
    logits_of(session, tokenizer, many)
    return round(len(many) / (time.monotonic() - started), 1)
