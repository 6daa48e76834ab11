"""Safe text: what somebody else wrote, made fit to be shown in a terminal, a sentence or a page.

Text of devices and customers is hostile until it is not: escape codes drive a terminal, bidirectional controls turn
"exe.txt" around, tag characters hide words, line breaks forge lines, stacked accents cover the lines above. What is
shown passes through here; what is stored and hashed does not. Escaping for HTML, Markdown or a spreadsheet is the
business of whoever writes those. Nothing writes what a spreadsheet opens (exports are JSON, reports HTML): who makes
CSV of it puts an apostrophe before cells that begin with `=`, `+`, `-`, `@`, a tab or a carriage return.
"""

from __future__ import annotations

import unicodedata
from typing import Final

MOST_MARKS: Final = 4
"""Combining marks that may follow one another; no living script needs more."""

# Joiners shape letters (Persian, Hindi) and emoji and stay; every other character of the category Cf goes.
_JOINERS: Final = "\u200c\u200d"
_ELLIPSIS: Final = "…"


def safe_text(text: str, most: int = 200) -> str:
    r"""Return the text on one line, without controls, `most` characters at most (a cut ends with an ellipsis).

    Line breaks, tabs and other white space become one space; control characters, bidirectional and other invisible
    format characters, private-use and unassigned code points are left out; a lone surrogate becomes U+FFFD; of more
    than four combining marks in a row the rest goes.

    >>> safe_text("door\x1b[31m open\nnow \u202egpj.exe")
    'door[31m open now gpj.exe'
    """
    if most < 1:
        raise ValueError(f"expected room for at least 1 character, got {most}")
    if len(text) <= most and text.isascii() and text.isprintable() and "  " not in text:
        return text.strip(" ")
    kept: list[str] = []
    marks = 0
    # White space collapses, so more input than `most` may be needed; the factor bounds the work on a huge text.
    for character in text[: 8 * most + 64]:
        if (safe := _safe(character)) == "":
            continue
        marks = marks + 1 if unicodedata.combining(safe) else 0
        if marks > MOST_MARKS or (safe == " " and (not kept or kept[-1] == " ")):
            continue
        kept.append(safe)
        if len(kept) > most + 1:
            break
    shown = "".join(kept).strip(" ")
    cut = len(shown) > most or len(text) > 8 * most + 64
    return shown[: most - 1].rstrip(" ") + _ELLIPSIS if cut else shown


def _safe(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    category = unicodedata.category(character)
    if category in ("Zs", "Zl", "Zp") or character in "\t\n\v\f\r\x85":
        return " "
    return "\ufffd" if category == "Cs" else ""
