"""A user's normal readings: JSON lines with `metrics`, or a table with a column for each metric."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from models.loaded_multivariate import Numbers, readings_of
from models.record_columns import WrongValue, number_of
from models.training.given_rows import TABLES, BadFile, GivenRow, read_rows

NOT_METRICS = ("device_id", "event_time")
MOST_METRICS = 256
FEWEST_READINGS = 50


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

    Raises BadFile for what is no such file, fewer than fifty readings, or fewer than two metrics that vary.
    """
    is_table = path.suffix in TABLES
    rows = [
        (str(row.get("device_id") or ""), _metrics(row, f"{path}:{number}", is_table))
        for number, row in read_rows(path, of="readings", needs="" if is_table else "metrics")
    ]
    if len(rows) < FEWEST_READINGS:
        raise BadFile(f"{path}: expected at least {FEWEST_READINGS} normal readings, got {len(rows)}")
    names = sorted({name for _, row in rows for name in row})
    if len(names) > MOST_METRICS:
        raise BadFile(f"{path}: expected at most {MOST_METRICS} metrics, got {len(names)}")
    values = readings_of(names, [row for _, row in rows])
    varying = [i for i in range(len(names)) if len(np.unique(values[~np.isnan(values[:, i]), i])) > 1]
    still = [name for i, name in enumerate(names) if i not in varying]
    warnings = [f"{path}: left out, for they have one value: {', '.join(still)}"] if still else []
    if len(varying) < 2:
        raise BadFile(f"{path}: expected two metrics that vary, got {', '.join(names[i] for i in varying) or 'none'}")
    devices = np.array([device for device, _ in rows])
    return Readings(
        tuple(names[i] for i in varying),
        {str(device): values[devices == device][:, varying] for device in dict.fromkeys(devices.tolist())},
        warnings,
    )


def _metrics(row: GivenRow, place: str, is_table: bool) -> dict[str, float | None]:
    if not is_table and "metrics" not in row:
        raise BadFile(f"{place}: expected a JSON object with metrics, got {', '.join(row) or 'an empty one'}")
    given = {name: cell for name, cell in row.items() if name not in NOT_METRICS} if is_table else row["metrics"]
    if not isinstance(given, dict):
        raise BadFile(f"{place}: expected metrics to be an object of numbers, got {type(given).__name__}")
    try:
        return {str(name): number_of(value) for name, value in given.items()}
    except WrongValue as wrong:
        raise BadFile(f"{place}: expected numbers in metrics, got {wrong}") from None
