"""The words that carried a label: what each token added to it, summed over the tokens of a word.

A text's logit is the mean of its `token_logits` plus a bias, so these sums are the model's own arithmetic, not an
estimate. A token's share in a label is what it added to that label less what it added to the head's other labels on
average: a word that lifts all of them alike explains none. Weighed against the text's mean share, a word's sum says how
far the label would fall if the word's tokens were left out of the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_WORDS = 3
LONGEST_WORD = 64  # characters; a blob without spaces is told by its beginning
_INSIDE_WORDS = "'’-_."


class Word(NamedTuple):
    """Where a word lies in its text, and which tokens make it: from one up to, not with, another."""

    start: int
    end: int
    from_token: int
    behind_token: int


def shares_in(token_logits: NDArray[np.float32], labels: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return each token's share in its text's label of one head, (texts, tokens).

    `token_logits` are (texts, tokens, labels), `labels` one place a text.
    """
    exact = np.asarray(token_logits, dtype=np.float64)
    others = exact.shape[2] - 1
    own = np.take_along_axis(exact, labels[:, None, None], axis=2)[:, :, 0]
    share: NDArray[np.float64] = own - ((exact.sum(axis=2) - own) / others if others else 0.0)
    return share


def _writes_without_spaces(character: str) -> bool:
    """Whether it is Chinese or Japanese: there a piece of the tokenizer stands for a word."""
    return "\u3040" <= character <= "\u30ff" or "\u3400" <= character <= "\u9fff" or character >= "\U00020000"


def _within_word(character: str) -> bool:
    return (character.isalnum() and not _writes_without_spaces(character)) or character in _INSIDE_WORDS


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and not text[start].isalnum():
        start += 1
    while start < end and not text[end - 1].isalnum():
        end -= 1
    return start, end


def words_in(text: str, offsets: Sequence[tuple[int, int]]) -> list[Word]:
    """Join pieces to words, in order. `offsets` are each token's start and end in `text`, special tokens left out."""
    words: list[Word] = []
    last = len(offsets) - 1
    from_token = 0
    for at, (first, end) in enumerate(offsets):
        start = first
        while start < end and text[start].isspace():
            start += 1
        # One of several pieces of the same character counts for the piece that follows.
        if at < last and (start == end or offsets[at + 1][0] < end):
            continue
        if start == end:
            continue
        if words and words[-1].end == start and _within_word(text[start - 1]) and _within_word(text[start]):
            words[-1] = Word(words[-1].start, end, words[-1].from_token, at + 1)
        else:
            words.append(Word(start, end, from_token, at + 1))
        from_token = at + 1
    return words


def _positive(words: Sequence[Word], shares: Sequence[float], mean: float) -> list[tuple[float, int, int]]:
    found = []
    for start, end, token, behind in words:
        share = sum(shares[token:behind]) - mean * (behind - token)
        if share > 0:
            found.append((-share, start, end))
    return sorted(found)


def weightiest_words(text: str, words: Sequence[Word], shares: Sequence[float]) -> list[str]:
    """Return at most three words that carried the label, weightiest first, each once; equal ones by place.

    `words` as of `words_in`, `shares` of the same tokens. Where no word stands out of the others (a single one cannot),
    those that added anything are told. Chosen Chinese pieces that touch are told as one word.
    """
    if not shares:
        return []
    mean = sum(shares) / len(shares)
    chosen: dict[str, tuple[float, int, int]] = {}
    # A single one stands out of nothing, but for rounding.
    for without in (mean, 0.0) if len(words) > 1 else (0.0,):
        for share, first, last in _positive(words, shares, without):
            start, end = _trimmed(text, first, last)
            if start < end:
                chosen.setdefault(text[start:end], (share, start, end))
            if len(chosen) == MOST_WORDS:
                break
        if chosen:
            break
    joined: list[tuple[float, int, int]] = []
    for share, start, end in sorted(chosen.values(), key=lambda one: one[1]):
        if joined and joined[-1][2] == start and _writes_without_spaces(text[start]):
            joined[-1] = (joined[-1][0] + share, joined[-1][1], end)
        else:
            joined.append((share, start, end))
    return [text[start : min(end, start + LONGEST_WORD)] for _, start, end in sorted(joined)]
