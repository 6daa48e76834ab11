"""Write the bundle of a user's labels: card, seal, report; then load it as a job would."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path

from tokenizers import Tokenizer

from models.bundle import open_bundle
from models.loaded_text import LoadedText, golden_answers, load_text
from models.training.bundle_folder import digests, sizes, write_card
from models.training.encoder.card_parts import FILES, graph_of
from models.training.encoder.progress import say
from models.training.encoder.rows import Heads
from models.training.intents.labelled import HEAD, Labelled
from models.training.intents.measure import Measured
from models.training.intents.recipe import Plan
from models.training.intents.report import write_report

GOLDEN = 12
VERSION = "1.0.0"


def write_bundle(
    folder: Path,
    name: str,
    figures: Measured,
    tokenizer: Tokenizer,
    heads: Heads,
    train: Labelled,
    dev: Labelled,
    plan: Plan,
    calibration: str,
) -> None:
    """Write `card.json`, its seal and `report.html` beside the model that lies in `folder`, and check the whole.

    The golden examples are texts of dev: whoever keeps the bundle from strangers must know that it holds some.
    """
    labels = heads[HEAD]
    counts = Counter(row.labels[HEAD] for row in train.rows)
    card: dict[str, object] = {
        "name": name,
        "version": VERSION,
        "task": "text",
        "heads": [
            {
                "name": HEAD,
                "labels": list(labels),
                "temperature": figures.temperature,
                "outside": {
                    "method": figures.oos.outside.method,
                    "slope": figures.oos.outside.slope,
                    "threshold": figures.oos.outside.threshold,
                },
            }
        ],
        **graph_of(len(labels)),
        "training_sets": [
            {"name": source, "rows": sum(row.source == source for row in train.rows), "licence": "the user's own"}
            for source in sorted({row.source for row in train.rows})
        ],
        "training_note": f"{len(train.rows)} texts, {len(counts)} labels; {' '.join(train.warnings + dev.warnings)}",
        "base_model": "intfloat/multilingual-e5-small (MIT), English and Chinese pieces",
        "recipe": asdict(plan) | {"calibration": calibration},
        "metrics": figures.as_card(),
        "size_bytes": sizes(folder, FILES),
        "golden": [{"text": ""}],
        "files": digests(folder, FILES),
    }
    write_card(folder, card)
    texts = [row.text for row in dev.rows[:: max(1, len(dev.rows) // GOLDEN)]][:GOLDEN]
    card["golden"] = golden_answers(LoadedText(open_bundle(folder)), texts)
    write_card(folder, card)
    load_text(open_bundle(folder))
    write_report(folder / "report.html", name, figures)
    say(f"wrote {folder}: card, model, tokenizer, report.html; it loads and gives its golden answers")
