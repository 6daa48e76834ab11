"""A bundle of metrics read together in miniature: a pump whose flow and current follow its speed."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from models.training.multivariate.train import Options, train_multivariate
from tests.tiny_sequence_bundle import write_rows


def pump(seed: int, count: int) -> list[dict[str, float]]:
    """Normal readings: speed wanders, flow and current follow it, the room does what it likes."""
    draw = random.Random(seed)
    found, speed = [], 50.0
    for _ in range(count):
        speed = min(max(speed + draw.gauss(0, 2), 30.0), 70.0)
        found.append(
            {
                "speed": round(speed, 3),
                "flow": round(speed / 10 + draw.gauss(0, 0.05), 4),
                "current": round(speed / 20 + draw.gauss(0, 0.02), 4),
                "room": round(21 + draw.gauss(0, 0.3), 3),
            }
        )
    return found


@cache
def _trained() -> dict[str, bytes]:
    with TemporaryDirectory() as place:
        data = write_rows(Path(place) / "normal.jsonl", [{"metrics": one} for one in pump(5, 400)])
        train_multivariate(Options(data, Path(place) / "pump"))
        return {one.name: one.read_bytes() for one in (Path(place) / "pump").iterdir()}


def write_tiny_multivariate_bundle(folder: Path) -> Path:
    """Return the folder of a bundle trained on four hundred readings, once a process."""
    (folder / "pump").mkdir(parents=True, exist_ok=True)
    for name, data in _trained().items():
        (folder / "pump" / name).write_bytes(data)
    return folder / "pump"
