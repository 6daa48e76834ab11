"""Rows as tensors: visits spread over passes, texts of like length together, each damaged a little."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

from models.training.encoder.augment import damage
from models.training.encoder.recipe import Recipe
from models.training.encoder.rows import Heads, Row, columns_of_heads, label_count


@dataclass(frozen=True)
class Batch:
    """Texts as tensors: `ids`, `mask` (rows, tokens), `targets` (rows, heads) with -1 for no label.

    `soft` are a teacher's logits (rows, labels), None without one.
    """

    ids: Tensor
    mask: Tensor
    targets: Tensor
    barred: Tensor
    soft: Tensor | None = None


# Gives a teacher's logits of some rows.
Teach = Callable[[list[Row]], Tensor]


def plan_visits(rows: list[Row], recipe: Recipe) -> list[list[tuple[Row, bool]]]:
    """Spread all visits evenly over the passes; True marks a repeat, which is damaged more often."""
    source = random.Random(recipe.seed)
    passes: list[list[tuple[Row, bool]]] = [[] for _ in range(recipe.passes)]
    by_source: dict[str, list[Row]] = {}
    for row in rows:
        by_source.setdefault("own" if row.own else row.source, []).append(row)
    for name, group in by_source.items():
        total = round(recipe.visits.get(name, 1) * len(group))
        for at in range(total):
            if at % len(group) == 0:
                order = source.sample(group, len(group))
            passes[at * recipe.passes // total].append((order[at % len(group)], at >= len(group)))
    for visits in passes:
        source.shuffle(visits)
    return passes


def batches(
    visits: list[tuple[Row, bool]],
    tokenizer: Tokenizer,
    recipe: Recipe,
    heads: Heads,
    seed: int,
    teach: Teach | None = None,
) -> Iterator[Batch]:
    """Cut one pass into batches of rows of like length, in random order."""
    source = random.Random(seed)
    texts = []
    for row, again in visits:
        rate = recipe.own_damage if row.own and again else recipe.public_damage
        texts.append(damage(row.text, source, rate, recipe.damages))
    tokenizer.enable_truncation(recipe.truncate_at)
    ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(texts)]
    order = sorted(range(len(visits)), key=lambda index: (len(ids[index]) // 4, source.random()))
    groups: list[list[int]] = [[]]
    for index in order:
        width = max([len(ids[index]), *(len(ids[other]) for other in groups[-1])])
        full = len(groups[-1]) >= recipe.rows_per_batch or width * (len(groups[-1]) + 1) > recipe.tokens_per_batch
        if groups[-1] and full:
            groups.append([])
        groups[-1].append(index)
    source.shuffle(groups)
    for group in groups:
        rows = [visits[index][0] for index in group]
        yield _batch(rows, [ids[index] for index in group], heads, None if teach is None else teach(rows))


def _batch(rows: list[Row], ids: list[list[int]], heads: Heads, soft: Tensor | None) -> Batch:
    width = max(len(one) for one in ids)
    padded = torch.ones(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    targets = torch.full((len(rows), len(heads)), -1, dtype=torch.long)
    barred = torch.zeros(len(rows), label_count(heads), dtype=torch.bool)
    columns = columns_of_heads(heads)
    for at, (row, one) in enumerate(zip(rows, ids, strict=True)):
        padded[at, : len(one)] = torch.tensor(one)
        mask[at, : len(one)] = 1
        for number, (head, labels) in enumerate(heads.items()):
            if head in row.labels:
                targets[at, number] = labels.index(row.labels[head])
        for head, label in row.barred:
            barred[at, columns[head].start + heads[head].index(label)] = True
    return Batch(padded, mask, targets, barred, soft)
