"""Fine-tune encoder and heads together: every row teaches the heads it has labels for.

AdamW with linear warm-up and decay, lower layers learning more slowly. The embedding table stays as it is: the base was
trained on far more text than is at hand, so words that no row here has keep their meaning beside those that do.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from tokenizers import Tokenizer
from torch import Tensor

from models.training.text.augment import damage
from models.training.text.corpus import Row
from models.training.text.heads import HEADS, columns_of_heads
from models.training.text.network import HEAD_NAMES, Parameters, Tap, classify, encode, keep, layer_count, pool
from models.training.text.progress import say

FROZEN = ("embedding.words", "head.center", "head.spread")


@dataclass(frozen=True)
class Recipe:
    """How long and how hard to train. `visits` says how often a row of each source is seen ('own' for our tables).

    `bar` leaves labels that a set does not know out of its loss; without it they count as wrong there.
    """

    visits: dict[str, int]
    passes: int = 8
    encoder_rate: float = 1e-4
    head_rate: float = 1e-3
    layer_decay: float = 0.85
    warm_up: float = 0.06
    weight_decay: float = 0.01
    dropout: float = 0.05
    smoothing: float = 0.05
    tokens_per_batch: int = 1024
    rows_per_batch: int = 64
    truncate_at: int = 64
    bar: bool = True
    own_damage: float = 0.4
    public_damage: float = 0.1
    head_weights: tuple[tuple[str, float], ...] = (("language", 0.3),)
    seed: int = 7


@dataclass(frozen=True)
class Batch:
    """Texts as tensors: `ids`, `mask` (rows, tokens), `targets` (rows, heads) with -1 for no label."""

    ids: Tensor
    mask: Tensor
    targets: Tensor
    barred: Tensor


def plan_visits(rows: list[Row], recipe: Recipe) -> list[list[tuple[Row, bool]]]:
    """Spread all visits evenly over the passes; True marks a repeat, which is damaged more often."""
    source = random.Random(recipe.seed)
    passes: list[list[tuple[Row, bool]]] = [[] for _ in range(recipe.passes)]
    by_source: dict[str, list[Row]] = {}
    for row in rows:
        by_source.setdefault("own" if row.own else row.source, []).append(row)
    for name, group in by_source.items():
        at = 0
        for visit in range(recipe.visits.get(name, 1)):
            for row in source.sample(group, len(group)):
                total = recipe.visits.get(name, 1) * len(group)
                passes[at * recipe.passes // total].append((row, visit > 0))
                at += 1
    for visits in passes:
        source.shuffle(visits)
    return passes


def batches(visits: list[tuple[Row, bool]], tokenizer: Tokenizer, recipe: Recipe, seed: int) -> Iterator[Batch]:
    """Cut one pass into batches of rows of like length, in random order."""
    source = random.Random(seed)
    texts = []
    for row, again in visits:
        rate = recipe.own_damage if row.own and again else recipe.public_damage
        texts.append(damage(row.text, source, rate))
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
        yield _batch([visits[index][0] for index in group], [ids[index] for index in group])


def _batch(rows: list[Row], ids: list[list[int]]) -> Batch:
    width = max(len(one) for one in ids)
    padded = torch.ones(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    targets = torch.full((len(rows), len(HEADS)), -1, dtype=torch.long)
    barred = torch.zeros(len(rows), sum(len(labels) for labels in HEADS.values()), dtype=torch.bool)
    columns = columns_of_heads()
    for at, (row, one) in enumerate(zip(rows, ids, strict=True)):
        padded[at, : len(one)] = torch.tensor(one)
        mask[at, : len(one)] = 1
        for number, (head, labels) in enumerate(HEADS.items()):
            if head in row.labels:
                targets[at, number] = labels.index(row.labels[head])
        for label in row.barred:
            barred[at, columns["sentiment"].start + HEADS["sentiment"].index(label)] = True
    return Batch(padded, mask, targets, barred)


def loss_of(logits: Tensor, batch: Batch, recipe: Recipe) -> Tensor:
    """Smoothed cross-entropy over the labelled heads, averaged over rows; barred labels take no part."""
    total = logits.new_zeros(())
    weights = dict(recipe.head_weights)
    for number, (head, columns) in enumerate(columns_of_heads().items()):
        known = batch.targets[:, number] >= 0
        if not known.any():
            continue
        allowed = ~(batch.barred[known, columns] & recipe.bar)
        scores = logits[known, columns].masked_fill(~allowed, -1e4).log_softmax(-1)
        right = scores.gather(1, batch.targets[known, number, None])[:, 0]
        spread = (scores * allowed).sum(-1) / allowed.sum(-1)
        loss = -((1 - recipe.smoothing) * right + recipe.smoothing * spread)
        total = total + weights.get(head, 1.0) * loss.sum() / len(logits)
    return total


def _groups(parameters: Parameters, recipe: Recipe) -> list[dict[str, object]]:
    layers = layer_count(parameters)
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, value in parameters.items():
        if name in FROZEN:
            continue
        if name in HEAD_NAMES:
            rate = recipe.head_rate
        else:
            depth = int(name.split(".")[1]) if name.startswith("layer.") else -1
            rate = recipe.encoder_rate * recipe.layer_decay ** (layers - 1 - depth)
        decay = recipe.weight_decay if value.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(value.requires_grad_(True))
    return [{"params": values, "lr": rate, "weight_decay": decay} for (rate, decay), values in groups.items()]


def _vectors(parameters: Parameters, rows: list[Row], tokenizer: Tokenizer, recipe: Recipe) -> tuple[Tensor, Batch]:
    """Embed rows undamaged: their pooled vectors (rows, 384) and, without texts, what is known of them."""
    as_is = replace(recipe, public_damage=0.0, own_damage=0.0)
    vectors, known = [], []
    with torch.no_grad():
        for batch in batches([(row, False) for row in rows], tokenizer, as_is, recipe.seed):
            vectors.append(pool(encode(parameters, batch.ids, batch.mask), batch.mask))
            known.append(batch)
    nothing = torch.zeros(0)
    targets, barred = torch.cat([one.targets for one in known]), torch.cat([one.barred for one in known])
    return torch.cat(vectors), Batch(nothing, nothing, targets, barred)


def start_heads(parameters: Parameters, rows: list[Row], dev: list[Row], tokenizer: Tokenizer, recipe: Recipe) -> None:
    """Fit the heads alone on what the untouched encoder says of `rows`, and set their standard.

    So the encoder's first steps already come from sensible answers. Stops where `dev` is answered best: a linear layer
    on 384 numbers learns a few thousand rows by heart within seconds.
    """
    tokenizer.enable_truncation(recipe.truncate_at)
    vectors, known = _vectors(parameters, rows, tokenizer, recipe)
    dev_vectors, dev_known = _vectors(parameters, dev, tokenizer, recipe)
    tokenizer.no_truncation()
    parameters["head.center"], parameters["head.spread"] = vectors.mean(0), vectors.std(0)
    heads = [parameters[name].requires_grad_(True) for name in HEAD_NAMES]
    optimizer = torch.optim.AdamW(heads, lr=3e-3, weight_decay=0.5)
    best, kept = float("inf"), [value.detach().clone() for value in heads]
    for step in range(300):
        loss = loss_of(classify(parameters, vectors), known, recipe)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 5 == 4:
            with torch.no_grad():
                dev_loss = float(loss_of(classify(parameters, dev_vectors), dev_known, recipe))
            if dev_loss < best:
                best, kept = dev_loss, [value.detach().clone() for value in heads]
    with torch.no_grad():
        for value, good in zip(heads, kept, strict=True):
            value.copy_(good)
    say(f"heads: dev loss {best:.3f} before the encoder learns")


def fit(
    parameters: Parameters,
    rows: list[Row],
    tokenizer: Tokenizer,
    recipe: Recipe,
    *,
    tap: Tap = keep,
    weight_tap: Tap = keep,
    name: str = "fit",
    after_pass: Callable[[int], None] = lambda number: None,
) -> None:
    """Train `parameters` in place; prints the loss and the rate on stderr; calls `after_pass` with the pass done."""
    torch.manual_seed(recipe.seed)
    tokenizer.enable_truncation(recipe.truncate_at)
    passes = plan_visits(rows, recipe)
    optimizer = torch.optim.AdamW(_groups(parameters, recipe), betas=(0.9, 0.999), fused=True)
    visited, all_visits = 0, sum(len(visits) for visits in passes)

    def share(step: int) -> float:
        # The schedule runs over visits, because batches of like length hold unlike numbers of rows.
        done = visited / all_visits
        return done / recipe.warm_up + 1e-3 if done < recipe.warm_up else (1 - done) / (1 - recipe.warm_up)

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
    trained = [value for value in parameters.values() if value.requires_grad]
    started, tokens, step, seen_loss = time.monotonic(), 0, 0, 0.0
    for number, visits in enumerate(passes):
        for batch in batches(visits, tokenizer, recipe, recipe.seed + number):
            hidden = encode(parameters, batch.ids, batch.mask, dropout=recipe.dropout, tap=tap, weight_tap=weight_tap)
            loss = loss_of(classify(parameters, pool(hidden, batch.mask)), batch, recipe)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            visited += len(batch.ids)
            schedule.step()
            tokens += batch.ids.numel()
            step += 1
            seen_loss = 0.98 * seen_loss + 0.02 * float(loss.detach()) if step > 1 else float(loss.detach())
            if step % 50 == 0:
                spent = time.monotonic() - started
                left = spent / visited * (all_visits - visited)
                say(
                    f"{name}: pass {number + 1}/{recipe.passes} step {step} loss {seen_loss:.3f} "
                    f"{tokens / spent:.0f} tokens/s {spent:.0f} s gone {left:.0f} s left"
                )
        after_pass(number + 1)
    tokenizer.no_truncation()
    for value in trained:
        value.requires_grad_(False)
