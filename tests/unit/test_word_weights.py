"""The words behind a label are the text's own, joined from pieces and weighed by what they added."""

from __future__ import annotations

import numpy as np
import pytest

from models.word_weights import shares_in, weightiest_words, words_in


def pieces(text: str, *parts: str) -> list[tuple[int, int]]:
    """Offsets of the parts, one after the other; a part that starts with a space belongs to the word behind it."""
    offsets = []
    at = 0
    for part in parts:
        start = text.index(part, at)
        at = start + len(part)
        offsets.append((start, at))
    return offsets


@pytest.mark.parametrize(
    ("text", "parts", "shares", "words"),
    [
        # Pieces of one word count together: two weak ones outweigh a strong one.
        ("smoke in here", ["smo", "ke", " in", " here"], [2, 2, 3, -5], ["smoke", "in"]),
        ("rack 10.4.0.17 up", ["rack", " 10.", "4.0", ".", "17", " up"], [0, 3, 3, 3, 3, 0], ["10.4.0.17"]),
        # Punctuation is no word and not part of one.
        ("stop! now,", ["stop", "!", " now", ","], [1, 9, 3, 0], ["now", "stop"]),
        ("(fan) hot", ["(", "fan", ")", " hot"], [0, 5, 0, -5], ["fan"]),
        # Chinese pieces stand for words; chosen ones that touch are told as one.
        ("空调漏水了", ["空调", "漏", "水", "了"], [0, 3, 2, -4], ["漏水"]),
        ("漏水请漏电", ["漏水", "请", "漏电"], [3, -4, 2], ["漏水", "漏电"]),
        # Nothing stands out of a text of one word: it is told all the same, if it added anything.
        ("fire", ["fire"], [2], ["fire"]),
        ("fire", ["fire"], [-2], []),
        ("fireproof", ["fire", "pro", "of"], [-0.9, -0.2, -0.8], []),
        # At most three, equal ones by place, each once.
        ("a b c d e", ["a", " b", " c", " d", " e"], [1, 1, 1, 1, -9], ["a", "b", "c"]),
        ("go go stay", ["go", " go", " stay"], [3, 3, -6], ["go"]),
    ],
)
def test_words(text: str, parts: list[str], shares: list[float], words: list[str]) -> None:
    assert weightiest_words(text, words_in(text, pieces(text, *parts)), shares) == words


def test_several_pieces_of_one_character_count_for_it() -> None:
    words = words_in("漏电", [(0, 1), (0, 1), (1, 2)])
    assert weightiest_words("漏电", words, [2.0, 2.0, -1.0]) == ["漏"]


def test_no_tokens_no_words() -> None:
    assert weightiest_words("", words_in("", []), []) == []


def test_a_blob_is_told_by_its_beginning() -> None:
    assert weightiest_words("x" * 500, words_in("x" * 500, [(0, 500)]), [1.0]) == ["x" * 64]


def test_a_token_that_lifts_all_labels_alike_explains_none() -> None:
    one, other = [[5, 5, 5], [1, 0, 0], [0, 2, 4]], [[0, 0, 0], [0, 0, 2], [4, 2, 0]]
    token_logits = np.array([one, other], dtype=np.float32)
    assert shares_in(token_logits, np.array([0, 2])).tolist() == [[0, 1, -3], [0, 2, -3]]
    assert shares_in(np.array([[[3.0], [1.0]]], dtype=np.float32), np.array([0])).tolist() == [[3, 1]]
