"""A text model: a handle to a verified bundle that reads texts and answers the questions of its heads."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from weakref import WeakValueDictionary

from models.bundle import BundleRefused, open_bundle, read_card
from models.find_bundle import find_bundle
from models.loaded_text import LoadedText, check_golden
from models.text_answers import TextAnswers

SHIPPED_TEXT_MODEL = "text-enzh"
CACHE_BYTES = 16 * 2**20

_Key = tuple[int, Path, str, int | None, int]
_LOADED: WeakValueDictionary[_Key, LoadedText] = WeakValueDictionary()
_LOADING = Lock()


class TextModel:
    """Same text, same answer, bit for bit, whatever the batch, its order, its repetitions and the threads.

    `path` is a bundle's folder. Making one reads the card (so a model that is not there is known at once); the graph is
    loaded and its golden examples checked on first use, once a process however many handles there are. It pickles as
    path and digest, and refuses to be unpickled where the path holds other bytes. `threads` is the CPU quota if None;
    `cache_bytes` bounds what is remembered of repeated texts.
    """

    def __init__(self, path: str | Path, *, threads: int | None = None, cache_bytes: int = CACHE_BYTES) -> None:
        self.path = Path(path).absolute()
        self.threads = threads
        self.cache_bytes = cache_bytes
        self.card, self.digest = read_card(self.path)
        if self.card.task != "text":
            raise BundleRefused(f"model bundle {self.path}: expected the task text, got {self.card.task}")
        self._loaded: tuple[int, LoadedText] | None = None

    @classmethod
    def named(cls, name: str = SHIPPED_TEXT_MODEL, chosen: Mapping[str, str | Path] | None = None) -> TextModel:
        """Return the model of the bundle `name`: the one that came with hubbub unless `chosen` says another folder."""
        return cls(find_bundle(name, chosen))

    @property
    def heads(self) -> dict[str, tuple[str, ...]]:
        """The questions it answers, and the labels each may give."""
        return {head.name: head.labels for head in self.card.heads}

    @property
    def identity(self) -> str:
        """What its answers carry: name, version and 12 digits for all bytes that could change them."""
        return self._load().identity

    def load(self) -> None:
        """Load now what would be loaded on first use; BundleRefused when it must not serve."""
        self._load()

    def predict(self, texts: Sequence[str | None], explain: Sequence[str] = ()) -> TextAnswers:
        """Answer each text for all heads, with the words behind the answers of the heads in `explain`.

        A null or blank text has no answer. Only the first 4,000 characters and `max_tokens` tokens are read.
        """
        return self._load().answer(texts, explain)

    def words(self, texts: Sequence[str], head: str, labels: Sequence[str]) -> list[list[str]]:
        """Return for each text the words, at most three, that carried this label of it; runs the texts again."""
        return self._load().words(texts, head, labels)

    def _load(self) -> LoadedText:
        # A forked process has the session's memory but not its threads, so it loads its own.
        process = os.getpid()
        if self._loaded is not None and self._loaded[0] == process:
            return self._loaded[1]
        key = (process, self.path, self.digest, self.threads, self.cache_bytes)
        with _LOADING:
            loaded = _LOADED.get(key)
            if loaded is None:
                bundle = open_bundle(self.path)
                if bundle.digest != self.digest:
                    raise BundleRefused(_other_bytes(self.path, self.digest, bundle.digest))
                loaded = LoadedText(bundle, self.threads, self.cache_bytes)
                check_golden(loaded, bundle)
                _LOADED[key] = loaded
            self._loaded = (process, loaded)
        return loaded

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextModel) and self.__reduce__() == other.__reduce__()

    def __hash__(self) -> int:
        return hash((self.path, self.digest))

    def __repr__(self) -> str:
        return f"TextModel({self.card.name}@{self.card.version}, {self.path})"

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _unpickled, (str(self.path), self.digest, self.threads, self.cache_bytes)


def _other_bytes(path: Path, expected: str, found: str) -> str:
    return f"model bundle {path}: expected the digest {expected[:12]}..., got {found[:12]}...: it was changed meanwhile"


def _unpickled(path: str, digest: str, threads: int | None, cache_bytes: int) -> TextModel:
    model = TextModel(path, threads=threads, cache_bytes=cache_bytes)
    if model.digest != digest:
        raise BundleRefused(_other_bytes(model.path, digest, model.digest))
    return model
