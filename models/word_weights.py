"""The words that carried a label: what each token added to it, summed over the tokens of a word.

A text's logit is the mean of its `token_logits` plus a bias, so these sums are the model's own arithmetic, not an
estimate. A token's share in a label is what it added to that label less what it added to the head's other labels on
average: a word that lifts all of them alike explains none. Weighed against the text's mean share, a word's sum says how
far the label would fall if the word's tokens were left out of the mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MOST_WORDS = 3
LONGEST_WORD = 64  # characters; a blob without spaces is told by its beginning
_INSIDE_WORDS = "'’-_."


def shares_in(token_logits: NDArray[np.float32], label: int) -> NDArray[np.float64]:
    """Return each token's share in one label of a head, from its (tokens, labels)."""
    exact = np.asarray(token_logits, dtype=np.float64)
    others = exact.shape[1] - 1
    rest = (exact.sum(axis=1) - exact[:, label]) / others if others else 0.0
    share: NDArray[np.float64] = exact[:, label] - rest
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


def _words(text: str, offsets: Sequence[tuple[int, int]], shares: NDArray[np.float64]) -> list[tuple[int, int, float]]:
    """Join pieces to words: (start, end, share)."""
    words: list[tuple[int, int, float]] = []
    carried = 0.0
    last = len(offsets) - 1
    for at, (first, end) in enumerate(offsets):
        share = carried + float(shares[at])
        start = first
        while start < end and text[start].isspace():
            start += 1
        # One of several pieces of the same character counts for the piece that follows.
        if at < last and (start == end or offsets[at + 1][0] < end):
            carried = share
            continue
        carried = 0.0
        if start == end:
            continue
        if words and words[-1][1] == start and _within_word(text[start - 1]) and _within_word(text[start]):
            words[-1] = (words[-1][0], end, words[-1][2] + share)
        else:
            words.append((start, end, share))
    return words


def _positive(text: str, words: list[tuple[int, int, float]]) -> list[tuple[float, int, int]]:
    found = []
    for first, last, share in words:
        start, end = _trimmed(text, first, last)
        if share > 0 and start < end:
            found.append((-share, start, end))
    return sorted(found)


def weightiest_words(text: str, offsets: Sequence[tuple[int, int]], shares: NDArray[np.float64]) -> list[str]:
    """Return at most three words that carried the label, weightiest first, each once; equal ones by place.

    `offsets` are each token's start and end in `text`, `shares` its share, special tokens left out. Where no word
    stands out of the others (a single one cannot), those that added anything are told. Chosen
    Chinese pieces that touch are told as one word.
    """
    if not len(shares):
        return []
    positive = _positive(text, _words(text, offsets, shares - shares.mean())) or _positive(
        text, _words(text, offsets, shares)
    )
    chosen: dict[str, tuple[float, int, int]] = {}
    for share, start, end in positive:
        word = text[start:end]
        if word not in chosen and len(chosen) < MOST_WORDS:
            chosen[word] = (share, start, end)
    joined: list[tuple[float, int, int]] = []
    for share, start, end in sorted(chosen.values(), key=lambda one: one[1]):
        if joined and joined[-1][2] == start and _writes_without_spaces(text[start]):
            joined[-1] = (joined[-1][0] + share, joined[-1][1], end)
        else:
            joined.append((share, start, end))
    return [text[start : min(end, start + LONGEST_WORD)] for _, start, end in sorted(joined)]
