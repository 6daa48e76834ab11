"""How a sentence comes into a language: its English text is asked for, fields in braces are filled in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Say(Protocol):
    """Returns a text in one language; `english` is what templates of words are named by."""

    def __call__(self, english: str, /, **values: object) -> str:
        """Return it in that language; without values braces are nothing special."""


def in_english(english: str, /, **values: object) -> str:
    """Return a text as it is, its fields filled in."""
    return english.format_map(values) if values else english


def listed(pattern: str, texts: Iterable[str], say: Say) -> str:
    """Join texts by a pattern with the fields `one` and `other`, such as `{one} and {other}`; of none, nothing.

    >>> listed("{one} and {other}", ["a", "b", "c"], in_english)
    'a and b and c'
    """
    joined = ""
    for text in texts:
        joined = say(pattern, one=joined, other=text) if joined else text
    return joined
