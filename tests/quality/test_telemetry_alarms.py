"""How often the shipped detector alarms on healthy series, what it finds of planted faults, and a look at real series.

The look is at the Numenta Anomaly Benchmark's labelled windows (skipped where the data set is absent); it holds the
detector to little, for its rules of scoring belong to another test.
"""

from __future__ import annotations

import csv
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import orjson
import pytest

from models.bundle import open_bundle
from models.find_bundle import find_bundle
from models.loaded_telemetry import LoadedTelemetry
from models.telemetry_model import SHIPPED_TELEMETRY_MODEL
from models.training.telemetry.measure import episodes, false_alarms, faults_found, judge

DATASETS = Path(os.environ.get("HUBBUB_DATASETS", Path(__file__).parents[2].parent / "shared" / "datasets"))
NAB = DATASETS / "telemetry" / "nab"
MONTH_S = 30 * 86_400

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model() -> LoadedTelemetry:
    return LoadedTelemetry(open_bundle(find_bundle(SHIPPED_TELEMETRY_MODEL)), 1)


def test_about_one_false_alarm_a_series_and_month(model: LoadedTelemetry, capsys: pytest.CaptureFixture[str]) -> None:
    found = false_alarms(model)
    with capsys.disabled():
        print("\nfalse alarms a series and month:", *(f"{name} {count:.2f}" for name, count in found.items()))
    assert np.mean(list(found.values())) < 1.5
    assert max(found.values()) < 5


def test_finds_planted_faults(model: LoadedTelemetry, capsys: pytest.CaptureFixture[str]) -> None:
    found = faults_found(model)
    with capsys.disabled():
        print()
        for fault, families in found.items():
            told = (
                f"{name} {one['found']:.2f} after {one['delay']} as {one['kind']}" for name, one in families.items()
            )
            print(f"{fault}:", "; ".join(told))
    for fault in ("spike", "level_shift", "drift", "stuck"):
        assert found[fault]["normal"]["found"] >= 0.9
        assert found[fault]["compressor"]["found"] >= 0.9


def test_looks_at_real_series(model: LoadedTelemetry, capsys: pytest.CaptureFixture[str]) -> None:
    if not NAB.is_dir():
        pytest.skip(f"no data set at {NAB}; name the folder of data sets by HUBBUB_DATASETS")
    windows = orjson.loads((NAB / "labels" / "combined_windows.json").read_bytes())
    files = sorted((NAB / "data").glob("*/*.csv"))
    series = []
    for path in files:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        series.append((np.array([seconds_of(row["timestamp"]) for row in rows]), [float(row["value"]) for row in rows]))
    longest = max(len(times) for times, _ in series)
    values, gaps = np.full((longest, len(series)), np.nan), np.ones((longest, len(series)))
    for i, (times, own) in enumerate(series):
        values[: len(own), i] = own
        gaps[: len(own), i] = np.maximum(np.diff(times, prepend=times[0]), 0.001)
    odd, _, _ = judge(model, values, gaps)
    hit = wanted = false = 0
    for i, (path, (times, _)) in enumerate(zip(files, series, strict=True)):
        alarms = odd[: len(times), i]
        within = np.zeros(len(times), dtype=bool)
        for begin, end in windows[f"{path.parent.name}/{path.name}"]:
            inside = (times >= seconds_of(begin)) & (times <= seconds_of(end))
            within |= inside
            wanted += 1
            hit += int(alarms[inside].any())
        false += int(episodes((alarms & ~within)[:, None])[0])
    months = sum((times[-1] - times[0]) / MONTH_S for times, _ in series)
    with capsys.disabled():
        print(f"\n{hit} of {wanted} labelled windows hit, {false / months:.2f} other alarms a series and month")
    assert hit / wanted > 0.35
    assert false / months < 3.0


def seconds_of(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
