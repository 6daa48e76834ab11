"""Figures of a trained bundle on dev, each beside a trivial answer, its float twin and its teacher."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from models.out_of_scope import OUT_OF_SCOPE
from models.text_answers import probabilities_of
from models.training.encoder.answers import logits_of, open_session
from models.training.encoder.calibration import Calibration, calibration, fit_temperature
from models.training.encoder.damage_suite import DAMAGES, damaged
from models.training.encoder.label_figures import figures_by_label
from models.training.encoder.rows import Heads, Row
from models.training.encoder.speed import texts_per_second
from models.training.intents.labelled import HEAD
from models.training.intents.oos import Chosen, choose

MOST_CONFUSED = 15


@dataclass(frozen=True)
class Measured:
    """All that is known of a bundle on dev. Accuracies are of rows in scope, answered without `oos`."""

    rows: int
    accuracy: float
    macro_f1: float
    trivial_accuracy: float
    float32_accuracy: float
    teacher_accuracy: float | None
    temperature: float
    calibration: Calibration
    oos: Chosen
    with_oos_accuracy: float
    by_label: dict[str, dict[str, float]]
    confused: list[tuple[str, str, int]]
    damage: dict[str, float]
    texts_per_second: dict[str, float]
    curves: dict[str, list[float]]

    def as_card(self) -> dict[str, object]:
        """Give the figures as the card keeps them."""
        return {
            "dev_rows": self.rows,
            "accuracy": round(self.accuracy, 4),
            "macro_f1": round(self.macro_f1, 4),
            "trivial_accuracy": round(self.trivial_accuracy, 4),
            "float32_accuracy": round(self.float32_accuracy, 4),
            "teacher_accuracy": None if self.teacher_accuracy is None else round(self.teacher_accuracy, 4),
            "accuracy_when_oos_may_be_answered": round(self.with_oos_accuracy, 4),
            "oos": {
                "method": self.oos.outside.method,
                "false_rate": round(self.oos.false_rate, 4),
                "recall": None if self.oos.recall is None else round(self.oos.recall, 4),
                "f1": None if self.oos.f1 is None else round(self.oos.f1, 4),
            },
            "expected_calibration_error": round(self.calibration.error, 4),
            "accuracy_on_damaged_texts": {name: round(value, 4) for name, value in self.damage.items()},
            "texts_per_second_two_threads": self.texts_per_second,
            "by_label": self.by_label,
            "confused": [{"truth": a, "answer": b, "rows": n} for a, b, n in self.confused],
            "dev_accuracy_by_pass": {name: [round(one, 4) for one in curve] for name, curve in self.curves.items()},
        }


def in_scope_accuracy(logits: np.ndarray, truth: np.ndarray) -> float:
    """Share of the rows in scope (not of the last label, `oos`) whose best label inside is right."""
    inside = truth < logits.shape[1] - 1
    return float((logits[inside, :-1].argmax(1) == truth[inside]).mean())


def measure(
    model: Path,
    twin: Path,
    tokenizer: Tokenizer,
    train: list[Row],
    dev: list[Row],
    heads: Heads,
    *,
    teacher: np.ndarray | None,
    curves: dict[str, list[float]],
) -> Measured:
    """Measure the integer model beside its float twin; `teacher` are the teacher's logits of dev, if there was one."""
    labels = heads[HEAD]
    texts = [row.text for row in dev]
    truth = np.array([labels.index(row.labels[HEAD]) for row in dev])
    outside = truth == len(labels) - 1
    shown = any(row.labels[HEAD] == OUT_OF_SCOPE for row in train)
    session, float_session = open_session(model), open_session(twin)
    logits = logits_of(session, tokenizer, texts)
    temperature = fit_temperature(logits[~outside, :-1], truth[~outside])
    oos = choose(logits, outside, temperature, shown=shown)
    chances = probabilities_of(logits, temperature, oos.outside)
    guess = chances.argmax(1)
    common = Counter(row.labels[HEAD] for row in train).most_common(1)[0][0]
    by_label = figures_by_label(labels, truth, guess)
    return Measured(
        rows=len(dev),
        accuracy=in_scope_accuracy(logits, truth),
        macro_f1=float(np.mean([one["f1"] for one in by_label.values()])),
        trivial_accuracy=float((truth[~outside] == labels.index(common)).mean()),
        float32_accuracy=in_scope_accuracy(logits_of(float_session, tokenizer, texts), truth),
        teacher_accuracy=None if teacher is None else in_scope_accuracy(teacher, truth),
        temperature=temperature,
        calibration=calibration(chances, truth),
        oos=oos,
        with_oos_accuracy=float((guess == truth)[~outside].mean()),
        by_label=by_label,
        confused=_confused(labels, truth, guess),
        damage={
            name: in_scope_accuracy(logits_of(session, tokenizer, damaged(texts, name)), truth) for name in DAMAGES
        },
        texts_per_second={
            "float32": texts_per_second(twin, tokenizer, texts),
            "integer": texts_per_second(model, tokenizer, texts),
        },
        curves=curves,
    )


def _confused(labels: tuple[str, ...], truth: np.ndarray, guess: np.ndarray) -> list[tuple[str, str, int]]:
    wrong = Counter((labels[a], labels[b]) for a, b in zip(truth, guess, strict=True) if a != b)
    return [(a, b, n) for (a, b), n in wrong.most_common(MOST_CONFUSED)]
