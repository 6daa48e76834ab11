"""Reads the Numenta Anomaly Benchmark from a folder: its series, and its labelled windows as places in them."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from models.training.telemetry.nab_rules import Judged, judged


@dataclass(frozen=True, slots=True)
class Labelled:
    """A series of the corpus: `name`, readings, seconds since the epoch, and what detections are worth."""

    name: str
    values: NDArray[np.float64]
    seconds: NDArray[np.float64]
    judged: Judged


def read_corpus(folder: Path) -> list[Labelled]:
    """Read `data/GROUP/NAME.csv` and `labels/combined_windows.json`; ValueError where a window fits no reading."""
    windows = orjson.loads((folder / "labels" / "combined_windows.json").read_bytes())
    found = []
    for path in sorted((folder / "data").glob("*/*.csv")):
        name = f"{path.parent.name}/{path.name}"
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        seconds = np.array([_seconds(row["timestamp"]) for row in rows])
        values = np.array([float(row["value"]) for row in rows])
        places = [_place(name, seconds, window) for window in windows[name]]
        found.append(Labelled(name, values, seconds, judged(path.parent.name, len(rows), places)))
    if not found:
        raise ValueError(f"expected data/GROUP/NAME.csv under {folder}, found none")
    return found


def side_by_side(series: Iterable[Labelled]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return values and seconds since the last reading, (readings, series); where a series has ended, not a number.

    The clock of a few series is put back at the end of summer time: there as where two readings share a moment, the
    step is a thousandth of a second, for `judge` has no order but that of the rows.
    """
    every = list(series)
    longest = max(len(one.values) for one in every)
    values, gaps = np.full((longest, len(every)), np.nan), np.ones((longest, len(every)))
    for i, one in enumerate(every):
        values[: len(one.values), i] = one.values
        gaps[: len(one.values), i] = np.maximum(np.diff(one.seconds, prepend=one.seconds[0]), 0.001)
        gaps[0, i] = 0.0
    return values, gaps


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _place(name: str, seconds: NDArray[np.float64], window: tuple[str, str]) -> tuple[int, int]:
    first, last = (np.flatnonzero(seconds == _seconds(edge)) for edge in window)
    if not len(first) or not len(last):
        raise ValueError(f"{name}: expected readings at the edges of the window {window}, found none")
    return int(first[0]), int(last[0])
