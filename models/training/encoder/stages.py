"""Several trainings one after the other, each kept when it is done: an interrupted run goes on at the last one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from tokenizers import Tokenizer

from models.training.encoder.batches import Teach
from models.training.encoder.evaluate import logits_of_texts
from models.training.encoder.fit import fit
from models.training.encoder.network import Parameters, Tap, as_it_is
from models.training.encoder.progress import say
from models.training.encoder.recipe import Recipe
from models.training.encoder.rows import Heads, Row
from models.training.encoder.start_heads import start_heads

# Gives the logits (texts, labels) of texts.
Answer = Callable[[list[str]], torch.Tensor]


class Stages:
    """Fits networks and keeps them in the folder `cache`.

    `measure` gives a figure on dev rows (higher is better) for something that answers. `curves` holds, by the name of a
    stage, that figure behind each of its passes.
    """

    def __init__(self, cache: Path, tokenizer: Tokenizer, heads: Heads, measure: Callable[[Answer], float]) -> None:
        """Nothing is read or written yet."""
        self._cache, self._tokenizer, self._heads, self._measure = cache, tokenizer, heads, measure
        self.curves: dict[str, list[float]] = {}

    def fit(
        self,
        name: str,
        parameters: Parameters,
        rows: list[Row],
        recipe: Recipe,
        *,
        start: tuple[list[Row], list[Row]] | None = None,
        teach: Teach | None = None,
        tap: Tap = as_it_is,
        weight_tap: Tap = as_it_is,
    ) -> None:
        """Fit, and leave the best behind any pass.

        `start` are the rows that the heads alone are fitted on first, and those that say when to stop. What was fitted
        before from the same parameters, rows and recipe is taken as it is.
        """
        what = _identity(parameters, rows, recipe, self._heads)
        if self._take(name, parameters, what):
            return
        if start is not None:
            start_heads(parameters, *start, self._tokenizer, recipe, self._heads)

        def answer(texts: list[str]) -> torch.Tensor:
            return logits_of_texts(parameters, self._tokenizer, texts, tap=tap, weight_tap=weight_tap)

        curve = fit(
            parameters,
            rows,
            self._tokenizer,
            recipe,
            self._heads,
            teach=teach,
            name=name,
            measure=lambda: self._measure(answer),
            keep=(self._cache / f"{name}.going-on.pt", what),
            tap=tap,
            weight_tap=weight_tap,
        )
        self.curves[name] = curve
        part = self._done(name).with_suffix(".part")
        torch.save({"what": what, "curve": curve, "parameters": parameters}, part)
        part.replace(self._done(name))

    def teach_from(self, teacher: Parameters, rows: list[Row], *, truncate_at: int) -> Teach:
        """Have a teacher answer every text once, when first asked; a damaged text is taught what it said of the whole.

        `teacher` must stay as it is from here on.
        """

        @cache
        def answers() -> tuple[torch.Tensor, dict[str, int]]:
            say(f"the teacher answers {len(rows):,} texts")
            logits = logits_of_texts(teacher, self._tokenizer, [row.text for row in rows], truncate_at=truncate_at)
            return logits, {row.text: at for at, row in enumerate(rows)}

        def teach(batch: list[Row]) -> torch.Tensor:
            logits, places = answers()
            return logits[[places[row.text] for row in batch]]

        return teach

    def _take(self, name: str, parameters: Parameters, what: str) -> bool:
        path = self._done(name)
        if not path.exists():
            return False
        kept = torch.load(path, weights_only=True)
        if kept["what"] != what:
            say(f"{path} is of another training; this one begins anew")
            return False
        say(f"{name}: fitted before, taken from {path}")
        self.curves[name] = kept["curve"]
        with torch.no_grad():
            for one, value in kept["parameters"].items():
                parameters[one].copy_(value)
        return True

    def _done(self, name: str) -> Path:
        return self._cache / f"{name}.pt"


def _identity(parameters: Parameters, rows: list[Row], recipe: Recipe, heads: Heads) -> str:
    """Hash all that decides what a training comes to; a label that was mended in a file is another training."""
    digest = hashlib.sha256(f"{recipe} {heads}".encode())
    for name, value in sorted(parameters.items()):
        digest.update(name.encode())
        digest.update(value.detach().numpy().tobytes())
    for row in rows:
        digest.update(repr(row).encode())
    return digest.hexdigest()
