"""The last steps of making a bundle: digests of its files, the card, the seal."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import orjson

from models.bundle import CARD, seal_card
from models.reference import Reference


def digests(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Return each file's sha256, lower hex, as a card names it."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def sizes(folder: Path, names: Sequence[str]) -> dict[str, int]:
    """Return each file's bytes."""
    return {name: (folder / name).stat().st_size for name in names}


def write_card(folder: Path, card: dict[str, object]) -> None:
    """Write `card.json` and its seal."""
    (folder / CARD).write_bytes(orjson.dumps(card, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    seal_card(folder)


def write_reference(folder: Path, by_topic: Mapping[str, Reference]) -> None:
    """Write references into the card of a finished bundle, and seal it anew."""
    card = orjson.loads((folder / CARD).read_bytes())
    card["reference"] = {topic: msgspec.to_builtins(one) for topic, one in by_topic.items()}
    write_card(folder, card)


def bundle_name(folder: Path) -> str:
    """Return a name for the bundle in this folder: the folder's, in letters that a card allows.

    >>> bundle_name(Path("my bundle"))
    'my-bundle'
    """
    letters = (one if one.isascii() and (one.isalnum() or one in "-_") else "-" for one in folder.name)
    return "".join(letters).strip("-") or "own"
