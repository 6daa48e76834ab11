"""Text of others is one harmless line, whatever it is."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.safe_text import MOST_MARKS, safe_text

NAUGHTY = Path(__file__).parents[1] / "badinput" / "blns" / "blns.json"

any_text = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    json.loads(NAUGHTY.read_text(encoding="utf-8"))
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("link down on port 4", "link down on port 4"),
        ("空调漏水了，请马上来人", "空调漏水了，请马上来人"),
        ("a\r\nb\tc\u2028d", "a b c d"),
        ("  two  spaces ", "two spaces"),
        ("\x1b[2J\x1b]0;title\x07x", "[2J]0;titlex"),
        ("\u202egnp.exe\u202c \u2066x\u2069", "gnp.exe x"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("hid\U000e0041\U000e0042den", "hidden"),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
        ("نمی\u200cخواهم 👩\u200d🚒", "نمی\u200cخواهم 👩\u200d🚒"),
        ("a" + "\u0301" * 50 + "b", "a" + "\u0301" * 4 + "b"),
        ("\x00\x01\x9b", ""),
        ("", ""),
    ],
)
def test_what_is_left_of_a_text(text: str, shown: str) -> None:
    assert safe_text(text) == shown


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("abcd  efg", 6, "abcd…"),
        ("ab", 1, "…"),
        (" " * 9000 + "x", 5, "…"),
    ],
)
def test_a_long_text_is_cut(text: str, most: int, shown: str) -> None:
    assert safe_text(text, most) == shown


def test_no_room_at_all_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        safe_text("x", 0)


@given(any_text, st.integers(1, 60))
def test_any_text_becomes_one_bounded_line_that_can_be_encoded(text: str, most: int) -> None:
    shown = safe_text(text, most)
    assert len(shown) <= most
    shown.encode("utf-8")
    assert all(c.isprintable() or c in "\u200c\u200d" for c in shown)
    assert shown == shown.strip(" ")
    marks = "".join("m" if unicodedata.combining(c) else " " for c in shown)
    assert "m" * (MOST_MARKS + 1) not in marks


@given(any_text, st.integers(1, 60))
def test_a_safe_text_stays_as_it_is(text: str, most: int) -> None:
    once = safe_text(text, most)
    assert safe_text(once, most) == once
