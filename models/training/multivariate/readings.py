"""Read a user's normal readings: JSON lines with `metrics`, or CSV and TSV with a column for each metric."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson

from models.loaded_multivariate import Numbers, readings_of
from models.record_columns import WrongValue, number_of

NOT_METRICS = ("device_id", "event_time")
MOST_METRICS = 256
FEWEST_READINGS = 50


class BadReadings(ValueError):
    """A file of readings that cannot be trained on: which file, which line, what was expected."""


@dataclass
class Readings:
    """One device's stretch each: (rows, metrics), not-a-number where a metric was not read."""

    metrics: tuple[str, ...]
    by_device: dict[str, Numbers]
    warnings: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many readings there are."""
        return sum(map(len, self.by_device.values()))


def read_readings(path: Path) -> Readings:
    """Read one file, in its order; a metric with one value is left out with a warning.

    Raises BadReadings for what is no such file, fewer than fifty readings, or fewer than two metrics that vary.
    """
    if not path.is_file():
        raise BadReadings(f"expected a file of readings at {path}, found none")
    table = path.suffix in (".csv", ".tsv")
    rows = _table(path) if table else _objects(path)
    if len(rows) < FEWEST_READINGS:
        raise BadReadings(f"{path}: expected at least {FEWEST_READINGS} normal readings, got {len(rows)}")
    names = sorted({name for _, row in rows for name in row})
    if len(names) > MOST_METRICS:
        raise BadReadings(f"{path}: expected at most {MOST_METRICS} metrics, got {len(names)}")
    values = readings_of(names, [row for _, row in rows])
    varying = [i for i in range(len(names)) if len(np.unique(values[~np.isnan(values[:, i]), i])) > 1]
    still = [name for i, name in enumerate(names) if i not in varying]
    warnings = [f"{path}: left out, for they have one value: {', '.join(still)}"] if still else []
    if len(varying) < 2:
        raise BadReadings(
            f"{path}: expected two metrics that vary, got {', '.join(names[i] for i in varying) or 'none'}"
        )
    devices = np.array([device for device, _ in rows])
    return Readings(
        tuple(names[i] for i in varying),
        {str(device): values[devices == device][:, varying] for device in dict.fromkeys(devices.tolist())},
        warnings,
    )


Row = tuple[str, dict[str, float | None]]


def _numbers(given: object, place: str) -> dict[str, float | None]:
    if not isinstance(given, dict):
        raise BadReadings(f"{place}: expected metrics to be an object of numbers, got {type(given).__name__}")
    try:
        return {str(name): number_of(value) for name, value in given.items()}
    except WrongValue as wrong:
        raise BadReadings(f"{place}: expected numbers in metrics, got {wrong}") from None


def _objects(path: Path) -> list[Row]:
    rows: list[Row] = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise BadReadings(f"{place}: expected a JSON object with metrics, got: {error}") from error
        if not isinstance(row, dict) or "metrics" not in row:
            came = ", ".join(row) if isinstance(row, dict) else type(row).__name__
            raise BadReadings(f"{place}: expected a JSON object with metrics, got {came or 'an empty one'}")
        rows.append((str(row.get("device_id") or ""), _numbers(row["metrics"], place)))
    return rows


def _table(path: Path) -> list[Row]:
    rows: list[Row] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        for row in reader:
            metrics = {name: cell for name, cell in row.items() if name not in NOT_METRICS}
            rows.append((row.get("device_id") or "", _numbers(metrics, f"{path}:{reader.line_num}")))
    return rows
