"""Fine-tune encoder and heads together: every row teaches the heads it has labels for.

AdamW with linear warm-up and decay, lower layers learning more slowly. The embedding table stays as it is: the base was
trained on far more text than is at hand, so words that no row here has keep their meaning beside those that do.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from models.training.encoder.batches import Teach, batches, plan_visits
from models.training.encoder.checkpoint import At, Checkpoint
from models.training.encoder.loss import loss_of
from models.training.encoder.network import HEAD_NAMES, Parameters, Tap, as_it_is, classify, encode, layer_count, pool
from models.training.encoder.progress import Progress
from models.training.encoder.recipe import Recipe
from models.training.encoder.rows import Heads, Row

FROZEN = ("embedding.words", "head.center", "head.spread")


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


def fit(
    parameters: Parameters,
    rows: list[Row],
    tokenizer: Tokenizer,
    recipe: Recipe,
    heads: Heads,
    *,
    tap: Tap = as_it_is,
    weight_tap: Tap = as_it_is,
    teach: Teach | None = None,
    name: str = "fit",
    measure: Callable[[], float] | None = None,
    keep: tuple[Path, str] | None = None,
) -> list[float]:
    """Train `parameters` in place, and leave them as they were behind the pass that `measure` liked best.

    Gives the figure behind each pass, those of before an interruption included.

    `measure` gives a figure on dev rows behind each pass (higher is better); training ends early when `recipe.patience`
    passes brought nothing better. `keep` names a file that is written now and then, and what the training is: started
    again as the same one, it goes on from the file and comes to the same result as without the interruption.
    """
    torch.manual_seed(recipe.seed)
    passes = plan_visits(rows, recipe)
    optimizer = torch.optim.AdamW(_groups(parameters, recipe), betas=(0.9, 0.999), fused=True)
    rates: list[float] = [group["lr"] for group in optimizer.param_groups]
    all_visits = sum(len(visits) for visits in passes)
    checkpoint = Checkpoint(keep, parameters, optimizer)
    at = checkpoint.restore()

    def share() -> float:
        # The schedule runs over visits, because batches of like length hold unlike numbers of rows.
        done = at.visited / all_visits
        return done / recipe.warm_up + 1e-3 if done < recipe.warm_up else (1 - done) / (1 - recipe.warm_up)

    trained = [value for value in parameters.values() if value.requires_grad]
    progress = Progress(name, all_visits, at.visited)
    for number in range(at.passes, len(passes)):
        for step, batch in enumerate(batches(passes[number], tokenizer, recipe, heads, recipe.seed + number, teach)):
            if step < at.steps:
                continue
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * share()
            hidden = encode(parameters, batch.ids, batch.mask, dropout=recipe.dropout, tap=tap, weight_tap=weight_tap)
            loss = loss_of(classify(parameters, pool(hidden, batch.mask)), batch, recipe, heads)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            at.visited += len(batch.ids)
            at.steps = step + 1
            progress.advance(at.visited, f"pass {number + 1}/{len(passes)}", float(loss.detach()))
            checkpoint.save_sometimes(at)
        at.passes, at.steps = number + 1, 0
        if measure is not None and _ends(at, measure, parameters, recipe, progress):
            break
        checkpoint.save(at)
    progress.close()
    tokenizer.no_truncation()
    for value in trained:
        value.requires_grad_(False)
    _take(parameters, at.best)
    checkpoint.forget()
    return at.figures


def _ends(at: At, measure: Callable[[], float], parameters: Parameters, recipe: Recipe, progress: Progress) -> bool:
    """Measure behind a pass, remember the best, and say whether training should end."""
    figure = measure()
    at.figures.append(figure)
    if at.best_figure is None or figure > at.best_figure:
        at.best_figure, at.best_pass = figure, at.passes
        at.best = {name: value.detach().clone() for name, value in parameters.items() if value.requires_grad}
    progress.note(f"pass {at.passes}: {figure:.4f} on dev; best {at.best_figure:.4f} behind pass {at.best_pass}")
    return at.passes - at.best_pass >= recipe.patience


def _take(parameters: Parameters, best: Parameters | None) -> None:
    if best is not None:
        with torch.no_grad():
            for name, value in best.items():
                parameters[name].copy_(value)
