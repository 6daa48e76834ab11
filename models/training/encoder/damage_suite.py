"""The damages that a model is tested under, one kind at a time: what people's keyboards and phones do to texts."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opencc import OpenCC

SEED = 20260301
# Those that take no side; half of them are none that training adds.
EMOJI = ("🙏", "😅", "🔥", "❗", "🤔", "🏡", "📺", "⏳", "🔌", "💬")
WIDE = {ord(low): ord(low) + 0xFEE0 for low in string.ascii_letters + string.digits + "!?,:;()"}
NARROW = {ord(wide): narrow for wide, narrow in zip("，。！？：；（）", ",.!?:;()", strict=True)}


def _letters(text: str) -> list[int]:
    return [at for at, letter in enumerate(text[:-1]) if letter.isalpha() and text[at + 1].isalpha()]


def _some(text: str, source: random.Random) -> list[int]:
    """Choose places for a slip in every twentieth pair of letters, at least one, none in very short texts."""
    places = _letters(text)
    return source.sample(places, max(1, len(places) // 20)) if len(places) > 4 else []


def _swap(text: str, source: random.Random) -> str:
    for at in _some(text, source):
        text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text


def _drop(text: str, source: random.Random) -> str:
    for at in sorted(_some(text, source), reverse=True):
        text = text[:at] + text[at + 1 :]
    return text


def _case(text: str, source: random.Random) -> str:
    return source.choice((str.upper, str.lower, str.title))(text)


def _width(text: str, source: random.Random) -> str:
    return text.translate(WIDE) if source.random() < 0.5 else text.translate(NARROW)


def _emoji(text: str, source: random.Random) -> str:
    return f"{text} {source.choice(EMOJI)}" if source.random() < 0.5 else f"{source.choice(EMOJI)} {text}"


def _punctuation(text: str, source: random.Random) -> str:
    kept = "".join(letter for letter in text if letter.isalnum() or letter.isspace())
    return kept if source.random() < 0.5 and kept.strip() else f"{text}..."


def _traditional(text: str, source: random.Random) -> str:
    return str(_to_traditional().convert(text))


@cache
def _to_traditional() -> OpenCC:
    from opencc import OpenCC

    return OpenCC("s2t")


DAMAGES: dict[str, Callable[[str, random.Random], str]] = {
    "swapped letters": _swap,
    "dropped letters": _drop,
    "case": _case,
    "full and half width": _width,
    "emoji": _emoji,
    "punctuation": _punctuation,
    "traditional characters": _traditional,
}


def damaged(texts: list[str], name: str) -> list[str]:
    """Damage each text in the way called `name`; the same texts come out the same."""
    source = random.Random(SEED)
    return [DAMAGES[name](text, source) or text for text in texts]
