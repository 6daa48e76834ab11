"""What of a masked word is text, and what is a name that may differ from line to line of one template."""

from __future__ import annotations

from functools import lru_cache

from operators.masking_words import MASK, SEPARATORS, parts_of

_ENDS = ".!?"


@lru_cache(maxsize=8_192)
def skeleton(word: str) -> str:
    """Return the word with one mask for all between its first and its last part that is a name.

    A part is a name if something in it was masked already, or if it is joined by points (hosts, packages, files).
    Words of letters are text. Empty brackets hold a name that is missing.

    >>> skeleton("(example.service)").replace(MASK, "*"), skeleton("on"), skeleton("()").replace(MASK, "*")
    ('(*)', 'on', '(*)')
    """
    if word == "()":
        return f"({MASK})"
    if MASK not in word and "." not in word.rstrip(_ENDS):
        return word
    parts = parts_of(word)
    names = [place for place, part in enumerate(parts) if _is_name(part)]
    if not names:
        return word
    last = parts[names[-1]]
    end = last[len(last.rstrip(_ENDS)) :]
    return "".join([*parts[: names[0]], MASK, end, *parts[names[-1] + 1 :]])


def _is_name(part: str) -> bool:
    return bool(part) and part[0] not in SEPARATORS and (MASK in part or "." in part.strip(_ENDS))
