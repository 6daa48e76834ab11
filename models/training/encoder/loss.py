"""What training makes small."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from models.training.encoder.batches import Batch
from models.training.encoder.recipe import Recipe
from models.training.encoder.rows import Heads, columns_of_heads


def loss_of(logits: Tensor, batch: Batch, recipe: Recipe, heads: Heads) -> Tensor:
    """Smoothed cross-entropy over the labelled heads, averaged over rows; barred labels take no part.

    With a teacher, part of it is the divergence from the teacher's answers (Hinton et al., 2015), for all heads.
    """
    total = logits.new_zeros(())
    weights = dict(recipe.head_weights)
    for number, (head, columns) in enumerate(columns_of_heads(heads).items()):
        known = batch.targets[:, number] >= 0
        if not known.any():
            continue
        allowed = ~(batch.barred[known, columns] & recipe.bar)
        scores = logits[known, columns].masked_fill(~allowed, -1e4).log_softmax(-1)
        right = scores.gather(1, batch.targets[known, number, None])[:, 0]
        spread = (scores * allowed).sum(-1) / allowed.sum(-1)
        loss = -((1 - recipe.smoothing) * right + recipe.smoothing * spread)
        total = total + weights.get(head, 1.0) * loss.sum() / len(logits)
    if batch.soft is None:
        return total
    heat, told = recipe.teacher_heat, logits.new_zeros(())
    for head, columns in columns_of_heads(heads).items():
        wanted = (batch.soft[:, columns] / heat).softmax(-1)
        given = (logits[:, columns] / heat).log_softmax(-1)
        told = told + weights.get(head, 1.0) * heat**2 * functional.kl_div(given, wanted, reduction="batchmean")
    return (1 - recipe.teacher_weight) * total + recipe.teacher_weight * told
