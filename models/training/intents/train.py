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
from models.training.encoder.graph import write_graph
from models.training.encoder.network import (
    BASE_LAYERS,
    Parameters,
    keep_layers,
    layer_count,
    load_parameters,
)
from models.training.encoder.progress import say
from models.training.encoder.quantize import round_words, rounding_taps
from models.training.encoder.reference import Texts, add_reference
from models.training.encoder.rows import Heads, Row
from models.training.encoder.select_scales import best_scales
from models.training.encoder.stages import Stages
from models.training.encoder.vocabulary import trim
from models.training.intents.card import write_bundle
from models.training.intents.labelled import HEAD, Labelled, read_labelled, without_rows_of
from models.training.intents.measure import Measured, in_scope_accuracy, measure
from models.training.intents.recipe import plan

EQUALITY_TEXTS = 250
START_ROWS = 8000
TOPIC = "customer.messages"


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

    Raises BadFile for files that cannot be trained on. Interrupted, it goes on from `options.cache` when it is called
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
    texts, truth = [row.text for row in dev.rows], _truth(dev.rows, heads)
    stages = Stages(options.cache, tokenizer, heads, lambda answer: in_scope_accuracy(answer(texts).numpy(), truth))
    teacher: Parameters | None = None
    teach: Teach | None = None
    start = train.rows[:: max(1, len(train.rows) // START_ROWS)], dev.rows
    if chosen.teacher is not None:
        stages.fit("teacher", parameters, train.rows, chosen.teacher, start=start)
        teacher = parameters
        teach = stages.teach_from(teacher, train.rows, truncate_at=chosen.student.truncate_at)
        parameters = keep_layers(teacher, chosen.layers)
    student_start = start if chosen.teacher is None else None
    stages.fit("student", parameters, train.rows, chosen.student, start=student_start, teach=teach)
    _silence_unknown(parameters, heads, train.rows)

    twin, model, scratch = options.cache / "fp32.onnx", options.output / "model.onnx", options.cache / "candidate.onnx"
    write_graph(parameters, twin, None)

    def score(path: Path) -> dict[str, float]:
        return {"accuracy": in_scope_accuracy(logits_of(open_session(path), tokenizer, texts), truth)}

    method, scales, _ = best_scales(
        parameters, train.rows, tokenizer, chosen.student, heads, score=score, scratch=scratch
    )
    tap, weight_tap = rounding_taps(scales)
    stages.fit("rounded", parameters, train.rows, chosen.rounded, teach=teach, tap=tap, weight_tap=weight_tap)
    _silence_unknown(parameters, heads, train.rows)
    write_graph(parameters, model, scales)
    assert_integer_products(model, options.cache / "optimized.onnx", products=4 * layer_count(parameters))
    unequal = unequal_answers(model, tokenizer, texts[:: max(1, len(texts) // EQUALITY_TEXTS)], options.seed)
    if unequal:
        raise AssertionError(f"{unequal} texts get other bits in another batch, order or thread count; this is a bug")

    told = None if teacher is None else logits_of_texts(teacher, tokenizer, texts).numpy()
    tokenizer.no_truncation()
    figures = measure(model, twin, tokenizer, train.rows, dev.rows, heads, teacher=told, curves=stages.curves)
    write_bundle(options.output, options.name, figures, tokenizer, heads, train, dev, chosen, method)
    add_reference(options.output, {TOPIC: Texts(f"{options.dev.name}, which was not trained on", texts, (HEAD,))})
    for path in (twin, scratch, options.cache / "optimized.onnx"):
        path.unlink(missing_ok=True)
    return figures


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


def _silence_unknown(parameters: Parameters, heads: Heads, rows: list[Row]) -> None:
    """Without a row of `oos` its logit has learnt nothing: keep it out of the softmax."""
    if not any(row.labels[HEAD] == OUT_OF_SCOPE for row in rows):
        with torch.no_grad():
            parameters["head.weight"][-1] = 0.0
            parameters["head.bias"][-1] = -30.0
