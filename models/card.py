"""The card of a bundle: what it answers, which files it is made of, how to know that it is whole."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, Literal

import msgspec

from models.out_of_scope import OUT_OF_SCOPE, Outside
from models.reference import Reference

Optimization = Literal["none", "basic", "extended", "all"]


class Tensor(msgspec.Struct, frozen=True):
    """An input or output of the graph; a word in `shape` is a size that varies (`rows`, `tokens`)."""

    name: str
    type: str
    shape: tuple[int | str, ...]


class Head(msgspec.Struct, frozen=True):
    """One question: its labels in the order of their columns in `logits`, and what divides those logits (> 0).

    `outside` is of a head whose last label is `oos`, the answer for what is none of the others.
    """

    name: str
    labels: tuple[str, ...]
    temperature: float = 1.0
    outside: Outside | None = None

    def __post_init__(self) -> None:
        """Refuse a head that cannot answer."""
        if not self.labels or len(set(self.labels)) != len(self.labels):
            raise ValueError(f"head {self.name}: expected distinct labels, got {list(self.labels)}")
        if not 0 < self.temperature < float("inf"):
            raise ValueError(f"head {self.name}: expected a temperature above 0, got {self.temperature}")
        if self.outside is not None and (self.labels[-1] != OUT_OF_SCOPE or len(self.labels) < 3):
            raise ValueError(f"head {self.name}: expected {OUT_OF_SCOPE} behind two labels, got {list(self.labels)}")


class Runtime(msgspec.Struct, frozen=True):
    """What the golden answers were computed with; `optimization` is also what the bundle is loaded with."""

    onnxruntime: str
    optimization: Optimization = "all"


class Card(msgspec.Struct, frozen=True):
    """What `card.json` says. Keys that are not known here are allowed: a card may tell a reader more.

    `files` names every other file of the bundle with its sha256 (lower hex). `golden` are inputs with the answers
    that this bundle must give, in the form that `task` defines. `max_tokens` and `buckets` are of tasks that read text.
    `fewest_rows` is how many rows a run must have for a text to be answered with the same bits whatever its company.
    `reference` says by topic what inputs and answers were like, which drift is measured against.
    """

    name: str
    version: str
    task: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    files: dict[str, str]
    runtime: Runtime
    golden: tuple[dict[str, Any], ...]
    heads: tuple[Head, ...] = ()
    max_tokens: int = 0
    buckets: tuple[int, ...] = ()
    fewest_rows: int = 2
    training_sets: tuple[Any, ...] = ()
    licence_note: str = ""
    base_model: str = ""
    metrics: dict[str, Any] = {}
    size_bytes: Any = None
    reference: dict[str, Reference] = {}

    def __post_init__(self) -> None:
        """Refuse names that could leave the bundle's folder, and buckets that do not hold `max_tokens`."""
        for what, name in (("name", self.name), ("version", self.version)):
            if not name or not name.isascii() or not name.replace("-", "").replace(".", "").replace("_", "").isalnum():
                raise ValueError(f"{what}: expected letters, digits, '.', '-', '_', got {name!r}")
        for name in self.files:
            if name in {"", ".", "..", "card.json"} or PurePosixPath(name).name != name or "\\" in name:
                raise ValueError(f"files: expected the name of a file beside the card, got {name!r}")
        names = [head.name for head in self.heads]
        if len(set(names)) != len(names):
            raise ValueError(f"heads: expected distinct names, got {names}")
        rising = all(one < other for one, other in zip(self.buckets, self.buckets[1:], strict=False))
        if self.buckets and not (rising and self.buckets[0] > 0 and self.buckets[-1] == self.max_tokens):
            raise ValueError(f"buckets: expected rising edges up to max_tokens {self.max_tokens}, got {self.buckets}")


def decode_card(data: bytes) -> Card:
    """Read a card from its JSON; ValueError says what was expected, what came, and where."""
    return msgspec.json.decode(data, type=Card)
