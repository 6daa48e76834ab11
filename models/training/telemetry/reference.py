"""The reference on the card: what answers are like on the healthy generated series.

Only figures that mean the same on every series: how a score is spread below 0.6 depends on the shape of a series'
noise, and a value has its unit. (Against these ranges the pooled groups of the Numenta benchmark stay below a PSI of
0.04, all but its made series without noise; against deciles, or the place within the expected range, most are beyond
0.1 or 0.25.) A reference made from one's own readings has values and places, too: `hubbub models reference`.

`python -m models.training.telemetry.reference BUNDLE` writes it into a bundle and changes nothing else of its card.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray

from models.bundle import CARD, open_bundle, seal_card
from models.loaded_telemetry import LoadedTelemetry, load_telemetry
from models.reference import ODDNESS, Reference, reference_of
from models.telemetry_model import MONTHLY
from models.training.telemetry.series import Values, healthy

TOPIC = "device.telemetry"
READINGS, SERIES, SEED = 3_000, 4, 3
DATA = (
    f"{READINGS:,} readings of each of {SERIES} series of each family in models/training/telemetry/series.py "
    f"(seed {SEED}), once their series is known"
)


def telemetry_reference(model: LoadedTelemetry) -> dict[str, Reference]:
    """Return the reference, by topic."""
    values = np.concatenate([family.values for family in healthy(READINGS, SERIES, SEED)], axis=1)
    score, kind = _answers(model, values)
    labels = [model.kinds[one] for one in kind.tolist()]
    return {TOPIC: reference_of(DATA, len(score), {ODDNESS: score}, {"anomaly": labels})}


def _answers(model: LoadedTelemetry, values: Values) -> tuple[Values, NDArray[np.int64]]:
    """Return the score and the kind of each reading of series side by side."""
    states = np.zeros((values.shape[1], model.state_width))
    scores, kinds = [], []
    for i, row in enumerate(values):
        answers = model.step(row, np.full(len(row), 60.0 if i else 0.0), states, MONTHLY)
        states = answers.states
        known = np.isfinite(answers.expected_low)
        scores.append(answers.score[known])
        kinds.append(np.where(answers.is_anomaly, answers.kind, 0)[known])
    return np.concatenate(scores), np.concatenate(kinds)


def main() -> None:
    """Write the reference of the bundle that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m models.training.telemetry.reference", description=__doc__)
    parser.add_argument("bundle", type=Path, metavar="BUNDLE")
    folder: Path = parser.parse_args().bundle
    found = telemetry_reference(load_telemetry(open_bundle(folder)))
    card = orjson.loads((folder / CARD).read_bytes())
    card["reference"] = {topic: msgspec.to_builtins(one) for topic, one in found.items()}
    (folder / CARD).write_bytes(orjson.dumps(card, option=orjson.OPT_APPEND_NEWLINE))
    seal_card(folder)


if __name__ == "__main__":
    main()
