"""A handle to a verified bundle: reads the card at once, loads on first use, pickles as path and digest."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from weakref import WeakValueDictionary

from models.bundle import BundleRefused, open_bundle, read_card


class Served(Protocol):
    """A bundle in memory that has given its golden answers."""

    identity: str


Loaded = TypeVar("Loaded", bound=Served)
_Key = tuple[int, str, Path, str, tuple[tuple[str, int | None], ...]]

_LOADED: WeakValueDictionary[_Key, Any] = WeakValueDictionary()
_LOADING = Lock()


class ModelHandle(Generic[Loaded]):
    """What an operator holds: equal and equally hashed when path, bytes and settings are.

    `path` is a bundle's folder. Making one reads the card, so a model that is not there is known at once; the graph is
    loaded and its golden examples checked on first use, once a process and settings however many handles there are.
    Unpickling refuses a path that holds other bytes by then.
    """

    task: ClassVar[str]
    loader: ClassVar[staticmethod[..., Any]]  # of a verified bundle and the settings

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).absolute()
        self.card, self.digest = read_card(self.path)
        if self.card.task != self.task:
            raise BundleRefused(f"model bundle {self.path}: expected the task {self.task}, got {self.card.task}")
        self._loaded: tuple[int, Loaded] | None = None

    @property
    def settings(self) -> dict[str, int | None]:
        """What a handle is made with beside its path, by name; nothing that could change an answer."""
        return {}

    @property
    def identity(self) -> str:
        """What its answers carry: name, version and 12 digits for all bytes that could change them."""
        return self.loaded().identity

    def load(self) -> None:
        """Load now what would be loaded on first use; BundleRefused when it must not serve."""
        self.loaded()

    def loaded(self) -> Loaded:
        """Return the model in memory; a forked process loads its own, for it has the session but not its threads."""
        process = os.getpid()
        if self._loaded is not None and self._loaded[0] == process:
            return self._loaded[1]
        key = (process, self.task, self.path, self.digest, tuple(self.settings.items()))
        with _LOADING:
            found: Loaded | None = _LOADED.get(key)
            if found is None:
                bundle = open_bundle(self.path)
                _expect(self.path, self.digest, bundle.digest)
                found = type(self).loader(bundle, **self.settings)
                _LOADED[key] = found
            self._loaded = (process, found)
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelHandle) and self.__reduce__() == other.__reduce__()

    def __hash__(self) -> int:
        return hash((type(self), self.path, self.digest))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.card.name}@{self.card.version}, {self.path})"

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _unpickled, (type(self), str(self.path), self.digest, self.settings)


def _unpickled(
    kind: Callable[..., ModelHandle[Any]], path: str, digest: str, settings: Mapping[str, int | None]
) -> ModelHandle[Any]:
    model = kind(path, **settings)
    _expect(model.path, digest, model.digest)
    return model


def _expect(path: Path, digest: str, found: str) -> None:
    if found != digest:
        raise BundleRefused(
            f"model bundle {path}: expected the digest {digest[:12]}..., got {found[:12]}...: it was changed meanwhile"
        )
