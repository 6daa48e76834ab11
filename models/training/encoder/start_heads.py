"""Fit the heads alone, before the encoder learns."""

from __future__ import annotations

from dataclasses import replace

import torch
from tokenizers import Tokenizer
from torch import Tensor

from models.training.encoder.batches import Batch, batches
from models.training.encoder.loss import loss_of
from models.training.encoder.network import HEAD_NAMES, Parameters, classify, encode, pool
from models.training.encoder.progress import say
from models.training.encoder.recipe import Recipe
from models.training.encoder.rows import Heads, Row


def _vectors(
    parameters: Parameters, rows: list[Row], tokenizer: Tokenizer, recipe: Recipe, heads: Heads
) -> tuple[Tensor, Batch]:
    """Embed rows undamaged: their pooled vectors (rows, 384) and, without texts, what is known of them."""
    as_is = replace(recipe, public_damage=0.0, own_damage=0.0)
    vectors, known = [], []
    with torch.no_grad():
        for batch in batches([(row, False) for row in rows], tokenizer, as_is, heads, recipe.seed):
            vectors.append(pool(encode(parameters, batch.ids, batch.mask), batch.mask))
            known.append(batch)
    nothing = torch.zeros(0)
    targets, barred = torch.cat([one.targets for one in known]), torch.cat([one.barred for one in known])
    return torch.cat(vectors), Batch(nothing, nothing, targets, barred)


def start_heads(
    parameters: Parameters, rows: list[Row], dev: list[Row], tokenizer: Tokenizer, recipe: Recipe, heads: Heads
) -> None:
    """Fit the heads alone on what the untouched encoder says of `rows`, and set their standard.

    So the encoder's first steps already come from sensible answers. Stops where `dev` is answered best: a linear layer
    on 384 numbers learns a few thousand rows by heart within seconds.
    """
    vectors, known = _vectors(parameters, rows, tokenizer, recipe, heads)
    dev_vectors, dev_known = _vectors(parameters, dev, tokenizer, recipe, heads)
    tokenizer.no_truncation()
    parameters["head.center"], parameters["head.spread"] = vectors.mean(0), vectors.std(0)
    learning = [parameters[name].requires_grad_(True) for name in HEAD_NAMES]
    optimizer = torch.optim.AdamW(learning, lr=3e-3, weight_decay=0.5)
    best, kept = float("inf"), [value.detach().clone() for value in learning]
    for step in range(300):
        loss = loss_of(classify(parameters, vectors), known, recipe, heads)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 5 == 4:
            with torch.no_grad():
                dev_loss = float(loss_of(classify(parameters, dev_vectors), dev_known, recipe, heads))
            if dev_loss < best:
                best, kept = dev_loss, [value.detach().clone() for value in learning]
    with torch.no_grad():
        for value, good in zip(learning, kept, strict=True):
            value.copy_(good)
    say(f"heads: dev loss {best:.3f} before the encoder learns")
