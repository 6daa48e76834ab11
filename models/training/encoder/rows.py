"""What the encoder learns from: texts with labels for some heads, and which labels each head has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# The order of heads and labels is the order of the columns of `logits`: it is part of a bundle's interface.
Heads = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Row:
    """One text with what is known of it: `labels` names only the heads that somebody labelled.

    `barred` are the (head, label) that the source could not have given (a set of two classes has no `neutral`), so that
    the loss does not teach that they are wrong.
    """

    text: str
    labels: dict[str, str]
    source: str
    own: bool = False
    barred: tuple[tuple[str, str], ...] = ()


def label_count(heads: Heads) -> int:
    """Count the labels of all heads: the width of `logits`."""
    return sum(len(labels) for labels in heads.values())


def columns_of_heads(heads: Heads) -> dict[str, slice]:
    """Give, for each head, the columns of `logits` that belong to it."""
    columns: dict[str, slice] = {}
    start = 0
    for head, labels in heads.items():
        columns[head] = slice(start, start + len(labels))
        start += len(labels)
    return columns
