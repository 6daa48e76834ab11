"""Write a text bundle's reference: what texts and answers are like on rows that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.reference import Reference, reference_of
from models.text_model import TextModel
from models.training.bundle_folder import write_reference

LANGUAGE, UNDETERMINED = "language", "und"


@dataclass(frozen=True)
class Texts:
    """Texts as the model reads them on one topic, what is asked about them there, and where they are from."""

    data: str
    texts: Sequence[str]
    heads: tuple[str, ...]


def text_reference(model: TextModel, given: Texts) -> Reference:
    """Ask the model and count; in a language that it does not read, nothing but the language is an answer."""
    answers = model.predict(given.texts)
    judged = answers.present.copy()
    if LANGUAGE in given.heads:
        judged &= answers.best(LANGUAGE) != answers.labels[LANGUAGE].index(UNDETERMINED)
    numbers = {
        "characters": np.array([len(text) for text in given.texts], dtype=np.float64),
        "unknown_tokens": model.unknown_tokens(given.texts),
    }
    labels: dict[str, list[str]] = {}
    for head in given.heads:
        rows = np.flatnonzero(answers.present if head == LANGUAGE else judged)
        best = answers.best(head)[rows]
        labels[head] = [answers.labels[head][one] for one in best.tolist()]
        numbers[f"{head}.score"] = answers.probabilities[head][rows, best]
    return reference_of(given.data, len(given.texts), numbers, labels)


def add_reference(folder: Path, by_topic: Mapping[str, Texts]) -> None:
    """Write the reference of a finished bundle into its card, and seal it anew; topics without texts have none."""
    model = TextModel(folder)
    write_reference(folder, {topic: text_reference(model, given) for topic, given in by_topic.items() if given.texts})
