"""Make the bundle `text-enzh`: the encoder that answers for messages, logs and alarms.

Corpus, vocabulary, fine-tuning, integer scales, a short training under rounding, measurement, card. Progress goes to
stderr. The float32 twin and the trained tensors stay in `cache` (not in git): a run that was interrupted goes on from
there when it is started again.
"""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from tokenizers import Tokenizer

from models.training.encoder.base import base_folder
from models.training.encoder.equality import assert_integer_products
from models.training.encoder.fit import fit
from models.training.encoder.graph import write_graph
from models.training.encoder.network import Parameters, layer_count
from models.training.encoder.progress import say
from models.training.encoder.quantize import Scale, rounding_taps
from models.training.encoder.recipe import Recipe
from models.training.encoder.rows import Row
from models.training.encoder.select_scales import best_scales, mean
from models.training.encoder.start_heads import start_heads
from models.training.text.card import OPEN, write_card
from models.training.text.corpus import Corpus
from models.training.text.heads import HEADS
from models.training.text.prepare import Sources, prepare
from models.training.text.report import assert_equal_answers, golden_answers, measure, texts_per_second
from models.training.text.score import score

OWN = Path(__file__).parents[1] / "data"
VOCABULARY_SIZE = 45_000
SMALL_SETS = {"massive_en": 600, "clinc150": 600, "bitext_support": 300, "smp2020": 1200}
FULL_ROWS = {"sst2": 6914, "waimai_zh": 8383, "semeval13_16": 10_000, "online_shopping_zh": 6000, **SMALL_SETS}
QUICK_ROWS = {"sst2": 1500, "waimai_zh": 1500, "semeval13_16": 1500, "online_shopping_zh": 500, "smp2020": 400}
LESS_LANGUAGE = (("language", 0.3),)
FULL = Recipe(visits={"own": 8, "sst2": 2, "waimai_zh": 2}, head_weights=LESS_LANGUAGE)
QUICK = Recipe(visits={"own": 2}, passes=1, head_weights=LESS_LANGUAGE)
# Reviews of two classes teach at first without `neutral`, so that they do not outweigh the messages that are neutral;
# at the end it counts as wrong for them, because their authors did take a side.
AFTER_ROUNDING = replace(FULL, visits={"own": 2}, passes=1, encoder_rate=3e-5, head_rate=2e-4, bar=False)
HEAD_START_ROWS = 8000
QUICK_HEAD_START_ROWS = 2000
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


def _sources(options: Options) -> Sources:
    public_rows = QUICK_ROWS if options.quick else FULL_ROWS
    if options.clean_data_only:
        public_rows = {name: count for name, count in public_rows.items() if name in OPEN}
    dev_rows = QUICK_DEV_ROWS if options.quick else ALL_DEV_ROWS
    return Sources(
        options.own, options.datasets, base_folder(options.base), public_rows, dev_rows, VOCABULARY_SIZE, options.seed
    )


def _train(options: Options, corpus: Corpus, tokenizer: Tokenizer, parameters: Parameters) -> None:
    recipe = _recipe(options)
    fitted = options.cache / ("quick.pt" if options.quick else "fitted.pt")
    if fitted.exists() and _take_kept(parameters, fitted, recipe):
        return

    def measured() -> float:
        candidate = options.cache / "candidate.onnx"
        write_graph(parameters, candidate, None)
        return mean(score(candidate, tokenizer, corpus))

    shuffled = random.Random(options.seed).sample(corpus.train, len(corpus.train))
    start_rows = sorted(shuffled, key=lambda row: not row.own)[
        : QUICK_HEAD_START_ROWS if options.quick else HEAD_START_ROWS
    ]
    start_heads(parameters, start_rows, corpus.dev, tokenizer, recipe, HEADS)
    keep_at = options.cache / "going-on.pt"
    fit(parameters, corpus.train, tokenizer, recipe, HEADS, measure=measured, keep_at=keep_at)
    torch.save({"recipe": str(recipe), "parameters": parameters}, fitted)


def _take_kept(parameters: Parameters, path: Path, recipe: Recipe) -> bool:
    """Take what an earlier run with the same recipe has fitted; False when it was another recipe."""
    kept = torch.load(path, weights_only=True)
    if kept["recipe"] != str(recipe):
        return False
    for name, value in kept["parameters"].items():
        parameters[name] = value.detach()
    say(f"{path}: fitted before with this recipe; remove it to fit anew")
    return True


def _recipe(options: Options) -> Recipe:
    return replace(QUICK if options.quick else FULL, seed=options.seed)


def _train_rounded(
    corpus: Corpus, tokenizer: Tokenizer, parameters: Parameters, scales: dict[str, Scale], recipe: Recipe
) -> None:
    """Win back what rounding cost: a short training in which every product rounds as the integer graph will."""
    own = [row for row in corpus.train if row.own]
    public = [row for row in corpus.train if not row.own]
    rows: list[Row] = own + random.Random(recipe.seed).sample(public, min(len(public), len(own)))
    tap, weight_tap = rounding_taps(scales)
    fit(parameters, rows, tokenizer, recipe, HEADS, tap=tap, weight_tap=weight_tap, name="rounded")


def train_text(options: Options) -> None:
    """Run every stage in order and write the bundle to `options.output`."""
    torch.set_num_threads(options.threads)
    recipe = _recipe(options)
    say(f"seed {options.seed}, recipe {recipe}")
    options.cache.mkdir(parents=True, exist_ok=True)
    corpus, tokenizer, parameters = prepare(_sources(options), options.output)
    _train(options, corpus, tokenizer, parameters)

    twin, model = options.cache / "fp32.onnx", options.output / "model.onnx"
    write_graph(parameters, twin, None)
    float_figures = score(twin, tokenizer, corpus)
    say(f"float32: mean {mean(float_figures):.4f}", float_figures)
    method, scales = best_scales(
        parameters,
        corpus.train,
        tokenizer,
        recipe,
        HEADS,
        score=lambda path: score(path, tokenizer, corpus),
        scratch=options.cache / "candidate.onnx",
    )
    if not options.quick:
        _train_rounded(corpus, tokenizer, parameters, scales, replace(AFTER_ROUNDING, seed=options.seed + 100))
        torch.save(parameters, options.cache / "rounded.pt")
    write_graph(parameters, model, scales)
    integer_figures = score(model, tokenizer, corpus)
    say(f"integers, final ({method}): mean {mean(integer_figures):.4f}", integer_figures)

    nodes = assert_integer_products(model, options.cache / "optimized.onnx", products=4 * layer_count(parameters))
    tried = assert_equal_answers(model, tokenizer, corpus, options.seed)
    say(f"after optimization {nodes}; {tried} texts keep their bits in every batch, order and thread count")
    figures, temperatures = measure(model, tokenizer, corpus)
    figures["float32_dev_before_rounding"] = float_figures
    figures["integer_dev"] = integer_figures
    figures["texts_per_second_two_threads"] = {
        "float32": texts_per_second(twin, tokenizer, corpus),
        "integer": texts_per_second(model, tokenizer, corpus),
    }
    figures["near_duplicates_dropped"] = corpus.dropped
    described = {"quick": options.quick, "layers": layer_count(parameters), "calibration": method, **asdict(recipe)}
    if not options.quick:
        described["after_rounding"] = asdict(replace(AFTER_ROUNDING, seed=options.seed + 100))
    write_card(
        options.output,
        corpus,
        temperatures=temperatures,
        metrics=figures,
        golden=golden_answers(model, tokenizer, temperatures),
        recipe=described,
    )
    say(f"wrote {options.output}")
