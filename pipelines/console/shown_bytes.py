"""Bytes of somebody else's as lines that are fit to be shown: JSON indented, other text as it is, the rest in hex."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import orjson

from schemas.refused import Refused
from schemas.safe_text import safe_text
from schemas.strict_json import parse_json

MOST_LINES: Final = 200
MOST_COLUMNS: Final = 500
MOST_INDENT: Final = 12
MOST_TEXT: Final = 100_000
_HEX_BYTES: Final = 1024
_BYTES_A_LINE: Final = 16


@dataclass(frozen=True, slots=True)
class ShownLine:
    """One line: how far it is indented (steps of two blanks), its text, and of hex what it says as letters."""

    indent: int
    text: str
    letters: str = ""


@dataclass(frozen=True, slots=True)
class ShownBytes:
    """What is shown of some bytes. `kind` is json, text, bytes or none; `cut` says that there is more."""

    kind: str
    size: int
    lines: tuple[ShownLine, ...]
    cut: bool = False

    @property
    def one_line(self) -> str:
        """All of it on one line, where there is room for no more."""
        return " ".join(line.text for line in self.lines)


def shown_bytes(value: bytes | None) -> ShownBytes:
    r"""Return what to show; each line is safe text, so nothing in it turns round, hides or drives anything.

    >>> [(line.indent, line.text) for line in shown_bytes(b'{"a": 1}').lines]
    [(0, '{'), (1, '"a": 1'), (0, '}')]
    >>> shown_bytes(b"\xff\x00door").lines
    (ShownLine(indent=0, text='ff 00 64 6f 6f 72', letters='..door'),)
    """
    if value is None:
        return ShownBytes("none", 0, ())
    if (lines := _as_json(value)) is not None:
        return _bounded("json", value, lines)
    try:
        text = value[:MOST_TEXT].decode("utf-8")
    except UnicodeDecodeError:
        return ShownBytes("bytes", len(value), tuple(_hex(value[:_HEX_BYTES])), len(value) > _HEX_BYTES)
    return _bounded("text", value, text.splitlines(), cut=len(value) > MOST_TEXT)


def _as_json(value: bytes) -> list[str] | None:
    try:
        found = parse_json(value)
    except Refused:
        return None
    return orjson.dumps(found, option=orjson.OPT_INDENT_2).decode().splitlines()


def _bounded(kind: str, value: bytes, lines: list[str], *, cut: bool = False) -> ShownBytes:
    shown = tuple(_safe(line) for line in lines[:MOST_LINES])
    return ShownBytes(kind, len(value), shown, cut or len(lines) > MOST_LINES)


def _safe(line: str) -> ShownLine:
    rest = line.lstrip(" ")
    return ShownLine(min((len(line) - len(rest)) // 2, MOST_INDENT), safe_text(rest, MOST_COLUMNS))


def _hex(value: bytes) -> list[ShownLine]:
    lines = []
    for at in range(0, len(value), _BYTES_A_LINE):
        piece = value[at : at + _BYTES_A_LINE]
        letters = "".join(chr(one) if 32 < one < 127 else "." for one in piece)
        lines.append(ShownLine(0, piece.hex(" "), letters))
    return lines
