"""Make the bundle `text-enzh`: the encoder that answers for messages, logs and alarms.

Corpus, vocabulary, a teacher of twelve layers, its student of six or fewer, integer scales, a short training under
rounding, measurement, card. Progress goes to stderr. The float32 twin and the trained tensors stay in `cache` (not in
git): a run that was interrupted goes on from there when it is started again, and one that differs in `layers` alone
takes the teacher that is there.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from models.training.encoder.answers import logits_of, open_session
from models.training.encoder.base import base_folder
from models.training.encoder.batches import Teach
from models.training.encoder.equality import assert_integer_products
from models.training.encoder.graph import write_graph
from models.training.encoder.network import BASE_LAYERS, Parameters, keep_layers, layer_count
from models.training.encoder.progress import say
from models.training.encoder.quantize import rounding_taps
from models.training.encoder.reference import add_reference
from models.training.encoder.rows import Row
from models.training.encoder.select_scales import best_scales, mean
from models.training.encoder.speed import texts_per_second
from models.training.encoder.stages import Answer, Stages
from models.training.text.card import OPEN, write_card
from models.training.text.corpus import Corpus
from models.training.text.heads import HEADS
from models.training.text.prepare import Sources, prepare
from models.training.text.recipe import FULL_ROWS, LAYERS, QUICK_ROWS, VOCABULARY_SIZE, Plan, plan
from models.training.text.reference import own_texts
from models.training.text.report import assert_equal_answers, golden_answers, measure
from models.training.text.score import score

OWN = Path(__file__).parents[1] / "data"
QUICK_DEV_ROWS = 300
ALL_DEV_ROWS = 10_000


@dataclass(frozen=True)
class Options:
    """Where things lie and how much to do. `base` is a folder or hub name; `own` holds the project's own tables."""

    datasets: Path
    output: Path
    base: str
    own: Path = OWN
    cache: Path = Path(".cache/text-enzh")
    quick: bool = False
    clean_data_only: bool = False
    threads: int = 2
    seed: int = 7
    layers: int = LAYERS


def _sources(options: Options) -> Sources:
    public_rows = QUICK_ROWS if options.quick else FULL_ROWS
    if options.clean_data_only:
        public_rows = {name: count for name, count in public_rows.items() if name in OPEN}
    dev_rows = QUICK_DEV_ROWS if options.quick else ALL_DEV_ROWS
    return Sources(
        options.own, options.datasets, base_folder(options.base), public_rows, dev_rows, VOCABULARY_SIZE, options.seed
    )


def _start_rows(corpus: Corpus, chosen: Plan, seed: int) -> list[Row]:
    shuffled = random.Random(seed).sample(corpus.train, len(corpus.train))
    return sorted(shuffled, key=lambda row: not row.own)[: chosen.start_rows]


def _student(
    options: Options, chosen: Plan, corpus: Corpus, parameters: Parameters, stages: Stages
) -> tuple[Parameters, Teach | None]:
    """Give the trained student, and who teaches it."""
    start = _start_rows(corpus, chosen, options.seed), corpus.dev
    teach: Teach | None = None
    if chosen.teacher is not None:
        stages.fit("teacher", parameters, corpus.train, chosen.teacher, start=start)
        teach = stages.teach_from(parameters, corpus.train, truncate_at=chosen.student.truncate_at)
    student = keep_layers(parameters, chosen.layers)
    stages.fit("student", student, corpus.train, chosen.student, start=start, teach=teach)
    return student, teach


def _variant(name: str, dev_mean: float, path: Path, speed: float) -> dict[str, object]:
    """Describe what was tried: the mean of its figures on dev, its size and its speed."""
    size_mb = round(path.stat().st_size / 1e6, 1)
    return {"variant": name, "dev_mean": round(dev_mean, 4), "size_mb": size_mb, "texts_per_second": speed}


def train_text(options: Options) -> None:
    """Run every stage in order and write the bundle to `options.output`."""
    torch.set_num_threads(options.threads)
    chosen = plan(layers=options.layers, quick=options.quick, seed=options.seed)
    say(f"seed {options.seed}, {chosen}")
    options.cache.mkdir(parents=True, exist_ok=True)
    corpus, tokenizer, parameters = prepare(_sources(options), options.output, BASE_LAYERS)

    def measured(answer: Answer) -> float:
        figures = score(corpus, lambda texts: answer(texts).numpy())
        say(figures)
        return mean(figures)

    stages = Stages(options.cache, tokenizer, HEADS, measured)
    student, teach = _student(options, chosen, corpus, parameters, stages)

    def by_graph(path: Path) -> Callable[[list[str]], np.ndarray]:
        tokenizer.no_truncation()
        session = open_session(path)
        return lambda texts: logits_of(session, tokenizer, texts)

    twin, model = options.cache / "fp32.onnx", options.output / "model.onnx"
    write_graph(student, twin, None)
    float_figures = score(corpus, by_graph(twin))
    say(f"float32: mean {mean(float_figures):.4f}", float_figures)
    method, scales, tried_methods = best_scales(
        student,
        corpus.train,
        tokenizer,
        chosen.student,
        HEADS,
        score=lambda path: score(corpus, by_graph(path)),
        scratch=options.cache / "candidate.onnx",
    )
    tap, weight_tap = rounding_taps(scales)
    stages.fit("rounded", student, corpus.train, chosen.rounded, teach=teach, tap=tap, weight_tap=weight_tap)
    write_graph(student, model, scales)
    integer_figures = score(corpus, by_graph(model))
    say(f"integers, final ({method}): mean {mean(integer_figures):.4f}", integer_figures)

    nodes = assert_integer_products(model, options.cache / "optimized.onnx", products=4 * layer_count(student))
    tried = assert_equal_answers(model, tokenizer, corpus, options.seed)
    say(f"after optimization {nodes}; {tried} texts keep their bits in every batch, order and thread count")
    figures, temperatures = measure(model, tokenizer, corpus, options.datasets)
    figures["float32_dev_before_rounding"] = float_figures
    figures["integer_dev"] = integer_figures
    timed = [row.text for row in corpus.dev + corpus.public_dev]
    speeds = {name: texts_per_second(path, tokenizer, timed) for name, path in (("float32", twin), ("integer", model))}
    figures["texts_per_second_two_threads"] = speeds
    figures["variants"] = [
        *(
            [{"variant": "teacher, 12 layers, float32", "dev_mean": round(max(stages.curves["teacher"]), 4)}]
            if "teacher" in stages.curves
            else []
        ),
        _variant("float32", mean(float_figures), twin, speeds["float32"]),
        *({"variant": f"int8, {one}", "dev_mean": round(value, 4)} for one, value in tried_methods.items()),
        _variant(f"int8, {method}, trained under rounding", mean(integer_figures), model, speeds["integer"]),
    ]
    figures["near_duplicates_dropped"] = corpus.dropped
    figures["learning_curves"] = stages.curves
    write_card(
        options.output,
        corpus,
        temperatures=temperatures,
        metrics=figures,
        golden=golden_answers(model, tokenizer, temperatures),
        recipe={"quick": options.quick, "calibration": method, **asdict(chosen)},
        layers=layer_count(student),
    )
    add_reference(options.output, own_texts([*corpus.dev, *corpus.set_aside]))
    say(f"wrote {options.output}; {options.cache} holds the float32 twin and what a training goes on from")
