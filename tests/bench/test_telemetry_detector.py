"""Readings a processor second through the operator, for one device and for many, beside a windowed Gaussian in NumPy.

Batches of 1,000 readings; memory goes out of one batch and into the device's next. Processor time: a busy machine slows
it by its caches only. A device alone is the worst case: its readings follow on each other, one run of the model each.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from models.telemetry_model import TelemetryModel
from operators.detect_anomalies import DetectAnomalies
from schemas.topic import TIMESTAMP
from tests.bench.figures import machine, table

BATCH = 1_000
NOON_US, MINUTE_US = 1_790_000_000_000_000, 60_000_000
WINDOW = 100
MOST_BYTES_A_SERIES = 2_048


def batch_of(first: int, devices: int, minute: int) -> pa.RecordBatch:
    """1,000 readings of the devices from `first` on; of fewer devices, in turns."""
    row = np.arange(BATCH)
    times = NOON_US + (minute + row // min(devices, BATCH)) * MINUTE_US
    values = 20 + np.random.default_rng([first, minute]).normal(size=BATCH)
    return pa.RecordBatch.from_pydict(
        {
            "device_id": pa.array([f"device-{first + one % devices}" for one in row.tolist()]),
            "event_time": pa.array(times, pa.int64()).cast(TIMESTAMP),
            "metric": pa.repeat("temp", BATCH).cast(pa.string()),
            "value": pa.array(values),
            "watermark": pa.array(times, pa.int64()).cast(TIMESTAMP),
        }
    )


def processor_seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def through_the_operator(detect: DetectAnomalies, devices: int, batches: int) -> tuple[float, float]:
    """Return processor seconds a reading, and bytes of memory a series."""
    chunks = max(devices // BATCH, 1)
    distinct = min(devices, BATCH)
    empty = pa.RecordBatch.from_pylist([dict.fromkeys(detect.state_schema.names)] * distinct, detect.state_schema)
    memory = [empty] * chunks
    spent = 0.0
    for number in range(-2, batches):
        chunk = number % chunks
        drawn = batch_of(chunk * BATCH, distinct, (number + 2) * BATCH)
        started = time.process_time()
        memory[chunk], _ = detect.process(memory[chunk], drawn)
        spent += (time.process_time() - started) if number >= 0 else 0.0
    numbers = memory[0].column("numbers")
    return spent / (batches * BATCH), len(numbers[0].as_py()) + 8


def windowed(devices: int, batches: int) -> float:
    """Return processor seconds a reading of mean and deviation over the last 100, devices side by side."""
    side = min(devices, BATCH)
    rings = np.zeros((max(devices // BATCH, 1), side, WINDOW))
    values = np.random.default_rng(1).normal(size=(BATCH // side, side))

    def run() -> None:
        for number in range(batches):
            ring = rings[number % len(rings)]
            for at, row in enumerate(values):
                mean, deviation = ring.mean(axis=1), ring.std(axis=1)
                np.abs(row - mean) / np.maximum(deviation, 1e-6)
                ring[:, at % WINDOW] = row

    return processor_seconds(run) / (batches * BATCH)


@pytest.mark.slow
def test_readings_a_second() -> None:
    detect = DetectAnomalies(TelemetryModel.named())
    rows, costs = [], {}
    for devices, batches in ((1, 2), (1_000, 30), (10_000, 30), (100_000, 100)):
        cost, size = through_the_operator(detect, devices, batches)
        costs[devices] = cost
        rows.append([f"{devices:,}", f"{1 / cost:,.0f}", f"{1 / windowed(devices, batches):,.0f}", f"{size:.0f}"])
        assert size <= MOST_BYTES_A_SERIES
    print(f"\n{machine()}")
    print(table(["devices", "readings/s a core", "windowed Gaussian, NumPy", "bytes a series"], rows))
    assert costs[100_000] < 3 * costs[1_000], "the cost of a reading depends on how many devices there are"
