"""A bundle: the folder of one model, verified byte by byte before anything in it is used.

`card.json` names every other file with its sha256; `card.json.sha256` (what `sha256sum card.json` prints) does the same
for the card, so `sha256sum -c` checks a bundle without hubbub. Each file is read once, and the bytes that were
verified are the bytes that are loaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from models.card import Card, decode_card
from models.onnx_scan import complaint_about

CARD = "card.json"
SEAL = "card.json.sha256"
GRAPH = "model.onnx"
TASKS = frozenset({"text", "telemetry", "multivariate", "intents", "sequences", "records", "forecast", "templates"})
# Tasks that look up and compute nothing.
WITHOUT_GRAPH = frozenset({"templates"})


class BundleRefused(Exception):
    """A bundle that must not serve; the message says in one sentence which and why."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Verified bytes: `files` by name without the card; `digest` is the sha256 of the card and so of everything."""

    path: Path
    card: Card
    digest: str
    files: Mapping[str, bytes]

    @property
    def graph(self) -> bytes:
        """The ONNX model."""
        return self.files[GRAPH]

    def identity(self, onnxruntime: str) -> str:
        """Name what answers: `name@version+` and 12 hex digits that stand for every byte that can change an answer.

        That is the bundle's files, the level of optimization (the card says it) and ONNX Runtime's version.
        """
        told = hashlib.sha256(f"{self.digest}\nonnxruntime {onnxruntime}\n".encode())
        return f"{self.card.name}@{self.card.version}+{told.hexdigest()[:12]}"


def _refused(path: Path, why: str) -> BundleRefused:
    return BundleRefused(f"model bundle {path}: {why}")


def _read(path: Path, name: str) -> bytes:
    try:
        return (path / name).read_bytes()
    except FileNotFoundError:
        what = f"{name} is missing" if path.is_dir() else "there is no such folder"
        raise _refused(path, what) from None
    except OSError as error:
        raise _refused(path, f"{name} cannot be read: {error.strerror}") from error


def _seal_of(card: bytes) -> bytes:
    return f"{hashlib.sha256(card).hexdigest()}  {CARD}\n".encode()


def read_card(path: Path) -> tuple[Card, str]:
    """Return a bundle's card and the bundle's digest; BundleRefused when the card is not what was sealed."""
    data = _read(path, CARD)
    if _read(path, SEAL) != _seal_of(data):
        raise _refused(path, f"{CARD} does not have the sha256 that {SEAL} says")
    try:
        card = decode_card(data)
    except (msgspec.MsgspecError, ValueError) as error:
        raise _refused(path, f"{CARD} is no card: {error}") from error
    if card.task not in TASKS:
        raise _refused(path, f"unknown task {card.task!r}, expected one of {', '.join(sorted(TASKS))}")
    if GRAPH not in card.files and card.task not in WITHOUT_GRAPH:
        raise _refused(path, f"{CARD} names no {GRAPH}")
    return card, hashlib.sha256(data).hexdigest()


def open_bundle(path: Path) -> Bundle:
    """Read and verify every file of a bundle; BundleRefused says what is missing, changed or not allowed."""
    card, digest = read_card(path)
    files: dict[str, bytes] = {}
    for name, expected in sorted(card.files.items()):
        data = _read(path, name)
        found = hashlib.sha256(data).hexdigest()
        if found != expected:
            raise _refused(path, f"{name} has the sha256 {found[:12]}..., the card says {expected[:12]}...")
        if name.endswith(".onnx") and (complaint := complaint_about(data)):
            raise _refused(path, f"{name} {complaint}")
        files[name] = data
    return Bundle(path, card, digest, files)


def seal_card(path: Path) -> None:
    """Write the card's own hash beside it: the last step of making a bundle."""
    (path / SEAL).write_bytes(_seal_of((path / CARD).read_bytes()))
