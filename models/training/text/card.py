"""Write the bundle's card: what it is, what it was made of, how well it does, and how to know it is whole."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from models.training.bundle_folder import digests, sizes
from models.training.bundle_folder import write_card as seal
from models.training.encoder.card_parts import FILES, graph_of
from models.training.encoder.rows import Row
from models.training.text.corpus import Corpus
from models.training.text.heads import HEADS, LABEL_COUNT
from models.training.text.measure import kind_of

NAME = "text-enzh"
VERSION = "1.3.0"
LICENCES = {
    "own": ("Apache-2.0", "written for this project, in its repository"),
    "sst2": ("none stated, research use", "film reviews, two classes"),
    "semeval13_16": ("Twitter terms, research use", "posts, three classes"),
    "waimai_zh": ("none stated, research use", "scraped delivery reviews, two classes"),
    "online_shopping_zh": ("none stated, research use", "scraped reviews of goods, two classes"),
    "massive_en": ("CC BY 4.0", "language only"),
    "clinc150": ("CC BY 3.0", "language only"),
    "bitext_support": ("CDLA-Sharing 1.0", "language only"),
    "smp2020": ("none stated, research use", "language only"),
}
OPEN = ("massive_en", "clinc150", "bitext_support")
NOT_OPEN_NOTE = (
    "The encoder starts from intfloat/multilingual-e5-small (MIT). The project's own texts are Apache-2.0. "
    "The sentiment sets, and the Chinese intent set used for language, carry no open licence (research use, or scraped "
    "reviews whose authors were never asked): nobody has cleared this bundle for commercial use. A bundle trained with "
    "--clean-data-only leaves all of them out."
)
OPEN_NOTE = "All training texts are the project's own (Apache-2.0) or under open licences; the base encoder is MIT."


def _training_sets(train: list[Row]) -> list[dict[str, object]]:
    counts = Counter(("own", kind_of(row)) if row.own else ("public", row.source) for row in train)
    sets: list[dict[str, object]] = []
    for (owner, name), rows in sorted(counts.items()):
        licence, note = LICENCES["own" if owner == "own" else name]
        full_name = f"hubbub {name}" if owner == "own" else name
        sets.append({"name": full_name, "rows": rows, "licence": licence, "note": note})
    return sets


def write_card(
    folder: Path,
    corpus: Corpus,
    *,
    temperatures: dict[str, float],
    metrics: dict[str, object],
    golden: list[dict[str, object]],
    recipe: dict[str, object],
    layers: int,
) -> None:
    """Write `card.json` and its seal into `folder`, beside the files that it names and hashes."""
    open_only = all(row.own or row.source in OPEN for row in corpus.train)
    card: dict[str, object] = {
        "name": NAME,
        "version": VERSION,
        "task": "text",
        "heads": [
            {"name": head, "labels": list(labels), "temperature": temperatures[head]} for head, labels in HEADS.items()
        ],
        **graph_of(LABEL_COUNT),
        "training_sets": _training_sets(corpus.train),
        "licence_note": OPEN_NOTE if open_only else NOT_OPEN_NOTE,
        "base_model": f"intfloat/multilingual-e5-small (MIT), read back from 4-bit weights, {layers} of its 12 layers",
        "recipe": recipe,
        "metrics": metrics,
        "size_bytes": sizes(folder, FILES),
        "golden": golden,
        "files": digests(folder, FILES),
    }
    seal(folder, card)
