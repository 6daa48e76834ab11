"""From files to what training needs: split rows, a trimmed tokenizer, the encoder cut to its pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from models.training.encoder.network import BASE_LAYERS, Parameters, load_parameters
from models.training.encoder.progress import say
from models.training.encoder.quantize import round_words
from models.training.encoder.vocabulary import check_same_pieces, trim
from models.training.text.corpus import (
    LANGUAGE_SETS,
    SENTIMENT_SETS,
    Corpus,
    read_corpus,
    read_language,
    read_sentiment,
)
from models.training.text.duplicates import drop_near_duplicates
from models.training.text.heads import LABEL_COUNT


@dataclass(frozen=True)
class Sources:
    """Where things lie, and how much of each public set to take."""

    own: Path
    datasets: Path
    base: Path
    public_rows: dict[str, int]
    public_dev_rows: int
    vocabulary_size: int
    seed: int


def _vocabulary_texts(sources: Sources, corpus: Corpus) -> Iterator[str]:
    yield from (row.text for row in corpus.train + corpus.dev)
    for name in SENTIMENT_SETS:
        if name in sources.public_rows:
            yield from (row.text for row in read_sentiment(sources.datasets, name, "train"))
    for name in LANGUAGE_SETS:
        if name in sources.public_rows:
            yield from (row.text for row in read_language(sources.datasets, name))


def prepare(sources: Sources, output: Path, layers: tuple[int, ...]) -> tuple[Corpus, Tokenizer, Parameters]:
    """Read, split and clean the rows; write the trimmed `tokenizer.json` to `output`; load the encoder to match."""
    corpus = read_corpus(
        sources.own, sources.datasets, sources.public_rows, dev_rows=sources.public_dev_rows, seed=sources.seed
    )
    whole_file = sources.base / "tokenizer.json"
    whole = Tokenizer.from_file(str(whole_file))
    everything = load_parameters(sources.base, list(range(whole.get_vocab_size())), LABEL_COUNT, layers=BASE_LAYERS)
    corpus = drop_near_duplicates(corpus, everything, whole)
    say(
        f"train {len(corpus.train)}, dev {len(corpus.dev)}, set aside {len(corpus.set_aside)}, dropped {corpus.dropped}"
    )
    text, pieces = trim(whole_file, _vocabulary_texts(sources, corpus), sources.vocabulary_size)
    output.mkdir(parents=True, exist_ok=True)
    (output / "tokenizer.json").write_text(text, encoding="utf-8")
    tokenizer = Tokenizer.from_file(str(output / "tokenizer.json"))
    seen = [row.text for row in corpus.train + corpus.dev]
    unseen = [row.text for row in corpus.set_aside + corpus.public_dev]
    changed, changed_unseen = (check_same_pieces(whole, tokenizer, texts) for texts in (seen, unseen))
    if changed:
        raise AssertionError(f"the trimmed tokenizer cuts {changed} of {len(seen)} seen texts otherwise")
    say(f"vocabulary {len(pieces)} pieces; cuts {changed_unseen} of {len(unseen)} held-out texts otherwise")
    parameters = load_parameters(sources.base, pieces, LABEL_COUNT, layers)
    round_words(parameters)
    return corpus, tokenizer, parameters
