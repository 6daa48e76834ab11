"""Train a bundle on a user's labels: a teacher, its student, integers, measured on dev, written down whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from models.out_of_scope import OUT_OF_SCOPE
from models.training.encoder.answers import logits_of, open_session
from models.training.encoder.base import base_folder
from models.training.encoder.batches import Teach
from models.training.encoder.equality import assert_integer_products, unequal_answers
from models.training.encoder.evaluate import logits_of_texts
from models.training.encoder.fit import fit
from models.training.encoder.graph import write_graph
from models.training.encoder.network import (
    BASE_LAYERS,
    Parameters,
    Tap,
    keep,
    keep_layers,
    layer_count,
    load_parameters,
)
from models.training.encoder.progress import say
from models.training.encoder.quantize import round_words, rounding_taps
from models.training.encoder.recipe import Recipe
from models.training.encoder.rows import Heads, Row
from models.training.encoder.select_scales import best_scales
from models.training.encoder.start_heads import start_heads
from models.training.encoder.vocabulary import trim
from models.training.intents.card import write_bundle
from models.training.intents.labelled import HEAD, Labelled, read_labelled, without_rows_of
from models.training.intents.measure import Measured, in_scope_accuracy, measure
from models.training.intents.recipe import plan

EQUALITY_TEXTS = 250
START_ROWS = 8000


@dataclass(frozen=True)
class Options:
    """What a person chose. `base`: folder or hub name of the encoder; `cache` keeps what can be gone on with."""

    data: Path
    dev: Path
    output: Path
    base: str
    cache: Path
    layers: int = 6
    quick: bool = False
    seed: int = 7
    threads: int = 2
    name: str = "intents"


def train_intents(options: Options) -> Measured:
    """Train, write the bundle to `options.output`, and give its figures on dev.

    Raises BadLabels for files that cannot be trained on. Interrupted, it goes on from `options.cache` when it is called
    with the same options again.
    """
    torch.set_num_threads(options.threads)
    chosen = plan(layers=options.layers, quick=options.quick, seed=options.seed)
    say(f"seed {options.seed}")
    train, dev = _read(options)
    heads = _heads(train)
    options.cache.mkdir(parents=True, exist_ok=True)
    options.output.mkdir(parents=True, exist_ok=True)
    base = base_folder(options.base)
    text, pieces = trim(base / "tokenizer.json", (row.text for row in train.rows + dev.rows), chosen.vocabulary_size)
    (options.output / "tokenizer.json").write_text(text, encoding="utf-8")
    tokenizer = Tokenizer.from_str(text)

    first = BASE_LAYERS if chosen.teacher is not None else chosen.layers
    parameters = load_parameters(base, pieces, len(heads[HEAD]), first)
    round_words(parameters)
    learning = _Learning(options, train.rows, dev.rows, tokenizer, heads)
    teacher: Parameters | None = None
    teach: Teach | None = None
    if chosen.teacher is not None:
        learning.fit("teacher", parameters, chosen.teacher, start=True)
        teacher = parameters
        teach = _teach(teacher, tokenizer, train.rows)
        parameters = keep_layers(teacher, chosen.layers)
    learning.fit("student", parameters, chosen.student, start=chosen.teacher is None, teach=teach)
    _silence_unknown(parameters, heads, train.rows)

    twin, model, scratch = options.cache / "fp32.onnx", options.output / "model.onnx", options.cache / "candidate.onnx"
    write_graph(parameters, twin, None)
    texts, truth = [row.text for row in dev.rows], _truth(dev.rows, heads)

    def score(path: Path) -> dict[str, float]:
        return {"accuracy": in_scope_accuracy(logits_of(open_session(path), tokenizer, texts), truth)}

    method, scales = best_scales(parameters, train.rows, tokenizer, chosen.student, heads, score=score, scratch=scratch)
    tap, weight_tap = rounding_taps(scales)
    learning.fit("rounded", parameters, chosen.rounded, teach=teach, tap=tap, weight_tap=weight_tap)
    _silence_unknown(parameters, heads, train.rows)
    write_graph(parameters, model, scales)
    assert_integer_products(model, options.cache / "optimized.onnx", products=4 * layer_count(parameters))
    unequal = unequal_answers(model, tokenizer, texts[:: max(1, len(texts) // EQUALITY_TEXTS)], options.seed)
    if unequal:
        raise AssertionError(f"{unequal} texts get other bits in another batch, order or thread count; this is a bug")

    told = None if teacher is None else logits_of_texts(teacher, tokenizer, texts).numpy()
    tokenizer.no_truncation()
    figures = measure(model, twin, tokenizer, train.rows, dev.rows, heads, teacher=told, curves=learning.curves)
    write_bundle(options.output, options.name, figures, tokenizer, heads, train, dev, chosen, method)
    for path in (twin, scratch, options.cache / "optimized.onnx"):
        path.unlink(missing_ok=True)
    return figures


class _Learning:
    """Fits one network after the other on the same rows, each from where an interrupted run left it."""

    def __init__(self, options: Options, train: list[Row], dev: list[Row], tokenizer: Tokenizer, heads: Heads) -> None:
        self._options, self._train, self._dev = options, train, dev
        self._tokenizer, self._heads = tokenizer, heads
        self._truth = _truth(dev, heads)
        self.curves: dict[str, list[float]] = {}

    def fit(
        self,
        name: str,
        parameters: Parameters,
        recipe: Recipe,
        *,
        start: bool = False,
        teach: Teach | None = None,
        tap: Tap = keep,
        weight_tap: Tap = keep,
    ) -> None:
        """Fit and leave the best behind any pass; what was fitted before with this recipe is taken as it is."""
        done = self._options.cache / f"{name}.pt"
        what = f"{recipe} {len(self._train)} rows {sorted(parameters)} {self._heads}"
        if done.exists():
            kept = torch.load(done, weights_only=True)
            if kept["what"] == what:
                say(f"{name}: fitted before, taken from {done}")
                self.curves[name] = kept["curve"]
                with torch.no_grad():
                    for one, value in kept["parameters"].items():
                        parameters[one].copy_(value)
                return
        curve = self.curves.setdefault(name, [])

        def measured() -> float:
            texts = [row.text for row in self._dev]
            logits = logits_of_texts(parameters, self._tokenizer, texts, tap=tap, weight_tap=weight_tap).numpy()
            curve.append(in_scope_accuracy(logits, self._truth))
            return curve[-1]

        if start:
            rows = self._train[:: max(1, len(self._train) // START_ROWS)]
            start_heads(parameters, rows, self._dev, self._tokenizer, recipe, self._heads)
        going_on = self._options.cache / f"{name}.going-on.pt"
        fit(
            parameters,
            self._train,
            self._tokenizer,
            recipe,
            self._heads,
            teach=teach,
            name=name,
            measure=measured,
            keep_at=going_on,
            tap=tap,
            weight_tap=weight_tap,
        )
        kept = {"what": what, "curve": curve, "parameters": parameters}
        part = done.with_suffix(".part")
        torch.save(kept, part)
        part.replace(done)


def _read(options: Options) -> tuple[Labelled, Labelled]:
    train, dev = read_labelled(options.data), read_labelled(options.dev)
    without_rows_of(train, dev)
    for warning in train.warnings + dev.warnings:
        say(f"warning: {warning}")
    return train, dev


def _heads(train: Labelled) -> Heads:
    return {HEAD: (*sorted({row.labels[HEAD] for row in train.rows} - {OUT_OF_SCOPE}), OUT_OF_SCOPE)}


def _truth(rows: list[Row], heads: Heads) -> np.ndarray:
    places = {label: at for at, label in enumerate(heads[HEAD])}
    return np.array([places[row.labels[HEAD]] for row in rows])


def _teach(teacher: Parameters, tokenizer: Tokenizer, rows: list[Row]) -> Teach:
    """Answer every training text once; a damaged text is taught what the teacher said of the whole one."""
    say(f"the teacher answers {len(rows):,} texts")
    logits = logits_of_texts(teacher, tokenizer, [row.text for row in rows])
    places = {row.text: at for at, row in enumerate(rows)}
    return lambda batch: logits[[places[row.text] for row in batch]]


def _silence_unknown(parameters: Parameters, heads: Heads, rows: list[Row]) -> None:
    """Without a row of `oos` its logit has learnt nothing: keep it out of the softmax."""
    if not any(row.labels[HEAD] == OUT_OF_SCOPE for row in rows):
        with torch.no_grad():
            parameters["head.weight"][-1] = 0.0
            parameters["head.bias"][-1] = -30.0
