"""One figure for each thing that the text model is asked, on dev rows: what candidates are chosen by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.training.text.corpus import Corpus
from models.training.text.measure import figures_by_head, figures_by_set

PUBLIC_ROWS_SCORED = 2400


def score(corpus: Corpus, answer: Callable[[list[str]], np.ndarray]) -> dict[str, float]:
    """Give a figure for each head and kind on dev (macro F1) and each public set on part of its dev rows.

    Those are what the sets are known by: accuracy of two classes, mean recall of three. `answer` gives logits (texts,
    labels).
    """
    logits = answer([row.text for row in corpus.dev])
    figures = {
        f"{head}.{kind}": float(str(figure["macro_f1"]))
        for head, kinds in figures_by_head(corpus.dev, logits, corpus.train).items()
        for kind, figure in kinds.items()
        if "." not in kind
    }
    public = corpus.public_dev[:: max(1, len(corpus.public_dev) // PUBLIC_ROWS_SCORED)]
    logits = answer([row.text for row in public])
    for name, figure in figures_by_set(public, logits, corpus.train).items():
        figures[name] = float(str(figure.get("accuracy_of_two_classes", figure["macro_recall"])))
    return figures
