"""What the shipped models answer, bit for bit, as JSON: run on two kinds of processor, the lines must be the same.

python -m tests.answer_bits
"""

from __future__ import annotations

import hashlib
import json
import random

import numpy as np

from models.telemetry_model import TelemetryModel
from models.text_model import TextModel

SEED = 20261122
TEXTS = 12
SERIES, STEPS = 8, 60


def text_bits(model: TextModel) -> dict[str, str]:
    """Return a digest of all probabilities for each golden text, and for texts drawn from their words."""
    golden = [str(example["text"]) for example in model.card.golden]
    words = " ".join(golden).split()
    source = random.Random(SEED)
    drawn = [" ".join(source.choices(words, k=source.choice([1, 3, 9, 30]))) for _ in range(TEXTS)]
    texts = [*golden, *drawn]
    answers = model.predict(texts)
    heads = sorted(answers.probabilities)
    return {
        text: _digest(b"".join(answers.probabilities[head][row].tobytes() for head in heads))
        for row, text in enumerate(texts)
    }


def telemetry_bits(model: TelemetryModel) -> list[str]:
    """Return a digest of answers and memory after each reading of some drawn series, with jumps and gaps in them."""
    draw = np.random.default_rng(SEED)
    states = np.zeros((SERIES, model.state_width))
    level = draw.normal(20, 5, SERIES)
    digests = []
    for step in range(STEPS):
        jump = np.where(draw.random(SERIES) < 0.03, 40.0, 0.0)
        seconds = np.full(SERIES, 0.0 if step == 0 else 60.0) * np.where(draw.random(SERIES) < 0.05, 90, 1)
        answers = model.step(level + draw.normal(0, 1, SERIES) + jump, seconds, states)
        states = answers.states
        digests.append(_digest(answers.score.tobytes() + states.tobytes()))
    return digests


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


if __name__ == "__main__":
    print(json.dumps({"text": text_bits(TextModel.named()), "telemetry": telemetry_bits(TelemetryModel.named())}))
