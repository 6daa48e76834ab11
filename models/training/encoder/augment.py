"""Small damages that real texts have: typing errors, lost punctuation, another case, full-width characters, emoji."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Sequence

PUNCTUATION = set(string.punctuation) | set("，。！？、；：“”‘’（）…")
# Those that take no side: with an angry face the same words would be another message.
EMOJI = ("🙏", "😅", "🤔", "❗", "🔥", "⚡", "📱", "🏠", "💡", "🔋", "👀", "⏰", "🚪", "🙄", "‼️", "❓")
WIDEN = {ord(low): ord(low) + 0xFEE0 for low in string.ascii_letters + string.digits + "!?,:;()"}


def _typo(text: str, source: random.Random) -> str:
    letters = [index for index, letter in enumerate(text) if letter.isalpha()]
    if len(letters) < 6:
        return text
    for _ in range(1 + len(letters) // 40):
        at = source.choice(letters)
        if at + 1 >= len(text):
            continue
        kind = source.randrange(3)
        if kind == 0:
            text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        elif kind == 1:
            text = text[:at] + text[at + 1 :]
        else:
            text = text[:at] + text[at] + text[at:]
        letters = [index for index in letters if index < len(text) - 1]
        if not letters:
            break
    return text


def _change_case(text: str, source: random.Random) -> str:
    return source.choice([str.lower, str.lower, str.upper, str.capitalize])(text)


def _lose_punctuation(text: str, source: random.Random) -> str:
    if source.random() < 0.5:
        return text.rstrip("".join(PUNCTUATION)) or text
    kept = "".join(" " if letter in PUNCTUATION else letter for letter in text)
    return " ".join(kept.split()) or text


def _widen(text: str, source: random.Random) -> str:
    return text.translate(WIDEN)


def _add_emoji(text: str, source: random.Random) -> str:
    emoji = source.choice(EMOJI) * source.choice((1, 1, 1, 2, 3))
    return source.choice((f"{text} {emoji}", f"{text}{emoji}", f"{emoji} {text}", f"{emoji}{text}"))


WAYS: dict[str, Callable[[str, random.Random], str]] = {
    "typo": _typo,
    "case": _change_case,
    "punctuation": _lose_punctuation,
    "width": _widen,
    "emoji": _add_emoji,
}


def damage(text: str, source: random.Random, rate: float, weights: Sequence[tuple[str, int]]) -> str:
    """Damage a text in at most one way, with probability `rate`; `source` decides, so a seed repeats it.

    `weights` says how often each of `WAYS` is taken, relative to the others.
    """
    if source.random() >= rate:
        return text
    (way,) = source.choices([name for name, _ in weights], weights=[weight for _, weight in weights])
    return WAYS[way](text, source)
