"""Texts in pieces, of which some are marked: the words that mattered, the part of a log line that is new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

import pyarrow as pa

from operators.masking import SHOWN, mask_lines
from operators.masking_words import MASK

LIKE_ENOUGH: Final = 0.6
MOST_COMPARED: Final = 300
MOST_TEXT: Final = 2000


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text. `kind` is `new`, `word`, `varies` or nothing special."""

    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class NewPart:
    """A log line taken apart. `like` is the earlier template that is most like it; None where nothing is."""

    pieces: tuple[Piece, ...]
    like: str | None
    is_new: bool


def marked_words(text: str, words: Sequence[str]) -> tuple[Piece, ...]:
    """Mark where these words stand in a text, whatever their case; whole words first, else wherever they are."""
    text = text[:MOST_TEXT]
    folded = text.lower() if len(text.lower()) == len(text) else text
    marked = [False] * len(text)
    for word in words[:20]:
        wanted = word.lower() if folded is not text or text.islower() else word
        places = _places(folded, wanted or word)
        whole = [at for at in places if _stands_alone(folded, at, len(wanted))]
        for at in whole or places:
            marked[at : at + len(wanted)] = [True] * len(wanted)
    return _pieces(text, marked)


def new_part(line: str, earlier: Sequence[str]) -> NewPart:
    """Mark what a line has that the most similar of the device's earlier templates has not.

    `earlier` are templates with `<*>` for what varies. A line of a known template has nothing new in it; of one that
    is like none of them all is new; where there is nothing earlier to compare it with, nothing is marked.
    """
    masked = mask_lines(pa.array([line[:MOST_TEXT]], pa.string()))[0]
    if masked is None:
        return NewPart((Piece(line),), None, False)
    form, written = [word.replace(MASK, SHOWN) for word in masked.words()], masked.written()
    best, score = None, 0.0
    for template in earlier[:MOST_COMPARED]:
        matcher = SequenceMatcher(None, template.split(), form, autojunk=False)
        if matcher.quick_ratio() > score and (ratio := matcher.ratio()) > score:
            best, score = template, ratio
    if not earlier:
        pieces = [Piece(word, _varies(mask)) for word, mask in zip(written, form, strict=True)]
        return NewPart(_joined(pieces), None, False)
    if best is None or score < LIKE_ENOUGH:
        return NewPart((Piece(" ".join(written), "new"),), None, True)
    known = [False] * len(form)
    template_words = best.split()
    for block in SequenceMatcher(None, template_words, form, autojunk=False).get_matching_blocks():
        known[block.b : block.b + block.size] = [True] * block.size
    # Where the earlier template has a `<*>` anything may stand: one word for one word is not new.
    for tag, a, a_end, b, b_end in SequenceMatcher(None, template_words, form, autojunk=False).get_opcodes():
        if tag == "replace" and a_end - a == b_end - b:
            for i in range(b_end - b):
                known[b + i] = SHOWN in template_words[a + i]
    pieces = [
        Piece(word, _varies(mask) if old else "new") for word, mask, old in zip(written, form, known, strict=True)
    ]
    return NewPart(_joined(pieces), best, not all(known))


def _varies(form: str) -> str:
    return "varies" if SHOWN in form else ""


def _joined(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """Put blanks between words, and neighbours of one kind together."""
    joined: list[Piece] = []
    for piece in pieces:
        if joined and joined[-1].kind == piece.kind:
            joined[-1] = Piece(f"{joined[-1].text} {piece.text}", piece.kind)
        else:
            joined += [Piece(" "), piece] if joined else [piece]
    return tuple(joined)


def _places(text: str, word: str) -> list[int]:
    places: list[int] = []
    at = text.find(word) if word else -1
    while at >= 0 and len(places) < 50:
        places.append(at)
        at = text.find(word, at + len(word))
    return places


def _stands_alone(text: str, at: int, length: int) -> bool:
    before, behind = text[at - 1 : at], text[at + length : at + length + 1]
    return not (before.isalnum() or behind.isalnum())


def _pieces(text: str, marked: Sequence[bool]) -> tuple[Piece, ...]:
    pieces, start = [], 0
    for at in range(1, len(text) + 1):
        if at == len(text) or marked[at] != marked[start]:
            pieces.append(Piece(text[start:at], "word" if marked[start] else ""))
            start = at
    return tuple(pieces)
