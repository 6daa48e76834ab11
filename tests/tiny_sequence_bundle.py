"""A bundle of event sequences in miniature, trained where it is needed from generated boots of a device."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from models.training.sequences.train import Options, train_sequences

BOOT = ("power", "kernel", "disk", "net", "net", "login")


def boots(seed: int, count: int) -> list[list[str]]:
    """Normal boots: the disk may be checked, the network is tried up to four times, somebody may leave again."""
    draw = random.Random(seed)
    return [
        [
            "power",
            "kernel",
            *(["check"] if draw.random() < 0.3 else []),
            "disk",
            *["net"] * draw.randint(1, 4),
            "login",
            *(["logout"] if draw.random() < 0.5 else []),
        ]
        for _ in range(count)
    ]


def write_rows(path: Path, rows: list[dict[str, object]]) -> Path:
    """Write JSON lines."""
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


@cache
def _trained() -> dict[str, bytes]:
    with TemporaryDirectory() as place:
        data = write_rows(Path(place) / "boots.jsonl", [{"events": one} for one in boots(5, 200)])
        train_sequences(Options(data, Path(place) / "boot"))
        return {one.name: one.read_bytes() for one in (Path(place) / "boot").iterdir()}


def write_tiny_sequence_bundle(folder: Path) -> Path:
    """Return the folder of a bundle trained on two hundred normal boots, once a process."""
    (folder / "boot").mkdir(parents=True, exist_ok=True)
    for name, data in _trained().items():
        (folder / "boot" / name).write_bytes(data)
    return folder / "boot"
