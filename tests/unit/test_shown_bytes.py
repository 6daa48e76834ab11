"""Somebody else's bytes on a page: readable, bounded, and nothing in them does anything."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.console.shown_bytes import MOST_COLUMNS, MOST_LINES, shown_bytes


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_line_holds_what_turns_hides_or_drives_anything(value: bytes) -> None:
    shown = shown_bytes(value)
    assert shown.size == len(value)
    for line in shown.lines:
        assert len(line.text) <= MOST_COLUMNS
        for character in line.text + line.letters:
            assert unicodedata.category(character) not in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp")
            assert character not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff"


@pytest.mark.parametrize(
    ("value", "kind", "lines"),
    [
        (None, "none", []),
        (b"", "text", []),
        (
            b'{"a": {"b": [1]}}',
            "json",
            [(0, "{"), (1, '"a": {'), (2, '"b": ['), (3, "1"), (2, "]"), (1, "}"), (0, "}")],
        ),
        (b'{"a": NaN}', "text", [(0, '{"a": NaN}')]),
        ("zwei\n    \u202eZeilen".encode(), "text", [(0, "zwei"), (2, "Zeilen")]),
        (b"\xff\x00", "bytes", [(0, "ff 00")]),
    ],
)
def test_what_is_shown(value: bytes | None, kind: str, lines: list[tuple[int, str]]) -> None:
    shown = shown_bytes(value)
    assert (shown.kind, [(one.indent, one.text) for one in shown.lines], shown.cut) == (kind, lines, False)


@pytest.mark.parametrize("value", [b"x\n" * 5000, b"\xff" * 5000, b"[" + b"1," * 5000 + b"1]", b"y" * 200_000])
def test_what_is_long_is_cut_and_says_so(value: bytes) -> None:
    shown = shown_bytes(value)
    assert len(shown.lines) <= MOST_LINES
    assert shown.cut or shown.lines[0].text.endswith("…")
    assert len(shown.one_line) < 200_000
