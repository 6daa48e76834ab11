"""A text model: a handle to a verified bundle that reads texts and answers the questions of its heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.find_bundle import find_bundle
from models.loaded_text import LoadedText, load_text
from models.model_handle import ModelHandle
from models.text_answers import TextAnswers

SHIPPED_TEXT_MODEL = "text-enzh"
CACHE_BYTES = 16 * 2**20


class TextModel(ModelHandle[LoadedText]):
    """Same text, same answer, bit for bit, whatever the batch, its order, its repetitions and the threads.

    `threads` is the CPU quota if None; `cache_bytes` bounds what is remembered of repeated texts.
    """

    task = "text"
    loader = staticmethod(load_text)

    def __init__(self, path: str | Path, *, threads: int | None = None, cache_bytes: int = CACHE_BYTES) -> None:
        super().__init__(path)
        self.threads = threads
        self.cache_bytes = cache_bytes

    @property
    def settings(self) -> dict[str, int | None]:
        """See ModelHandle."""
        return {"threads": self.threads, "cache_bytes": self.cache_bytes}

    @classmethod
    def named(cls, name: str = SHIPPED_TEXT_MODEL, chosen: Mapping[str, str | Path] | None = None) -> TextModel:
        """Return the model of the bundle `name`: the one that came with hubbub unless `chosen` says another folder."""
        return cls(find_bundle(name, chosen))

    @property
    def heads(self) -> dict[str, tuple[str, ...]]:
        """The questions it answers, and the labels each may give."""
        return {head.name: head.labels for head in self.card.heads}

    def predict(self, texts: Sequence[str | None], explain: Sequence[str] = ()) -> TextAnswers:
        """Answer each text for all heads, with the words behind the answers of the heads in `explain`.

        A null or blank text has no answer. Only the first 4,000 characters and `max_tokens` tokens are read.
        """
        return self.loaded().answer(texts, explain)

    def words(self, texts: Sequence[str], head: str, labels: Sequence[str]) -> list[list[str]]:
        """Return for each text the words, at most three, that carried this label of it; runs the texts again."""
        return self.loaded().words(texts, head, labels)

    def unknown_tokens(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the share of each text's tokens that the vocabulary does not have: another language, or rubbish."""
        return self.loaded().unknown_tokens(texts)
