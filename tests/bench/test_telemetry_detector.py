"""Readings a processor second through the operator, for one device and for many, beside others; memory of many devices.

Batches of 1,000 readings; memory goes out of one batch and into the device's next. Processor time: a busy machine slows
it by its caches only. A device alone is the worst case: its readings follow on each other.
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
from tests.bench.figures import HERE, json_of, keep, machine, table

BATCH = 1_000
NOON_US, MINUTE_US = 1_790_000_000_000_000, 60_000_000
WINDOW = 100
MOST_BYTES_A_SERIES = 2_048
# Their own environment has another river in it than ours would; see the Makefile's bench-telemetry.
PEERS = HERE.parents[1] / ".venv-peers" / "bin" / "python"
TREES = {1: 5_000, 1_000: 100_000}  # river's detector a device: readings; of 10,000 devices it would hold 1.7 GB
GONE_DEVICES, GONE_READINGS = 100_000, 1_000_000


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


def half_space_trees() -> dict[int, tuple[float, int]]:
    """Return by devices the processor seconds a reading, and the bytes of a detector."""
    found = {
        devices: json_of("peers/half_space_trees.py", devices, readings, interpreter=str(PEERS))
        for devices, readings in TREES.items()
    }
    return {devices: (one["seconds"], one["bytes"]) for devices, one in found.items()}


def speed() -> str:
    """Return the table of readings a second, ours and others'."""
    detect = DetectAnomalies(TelemetryModel.named())
    trees = half_space_trees()
    rows, costs = [], {}
    for devices, batches in ((1, 30), (1_000, 60), (10_000, 60), (100_000, 200)):
        cost, size = through_the_operator(detect, devices, batches)
        costs[devices] = cost
        assert size <= MOST_BYTES_A_SERIES
        others = [f"{1 / trees[devices][0]:,.0f}", f"{trees[devices][1]:,}"] if devices in trees else ["-", "-"]
        rows.append(
            [f"{devices:,}", f"{1 / cost:,.0f}", f"{size:,}", f"{1 / windowed(devices, batches):,.0f}", *others]
        )
    assert costs[100_000] < 3 * costs[1_000], "the cost of a reading depends on how many devices there are"
    return table(
        ["devices", "readings/s", "bytes a series", "windowed Gaussian", "HalfSpaceTrees", "bytes a detector"], rows
    )


def memory() -> str:
    """Return the table of what is remembered of devices that come and go."""
    found = json_of("evicted_devices.py", GONE_DEVICES, GONE_READINGS)["groups"]
    rows = [
        [
            f"{(number + 1) * GONE_READINGS // 10:,}",
            f"{one['devices']:,}",
            f"{one['bytes'] / 1e6:.0f}",
            f"{one['mb']:.0f}",
        ]
        for number, one in enumerate(found)
    ]
    return table(["readings", "devices remembered", "their memory on disk, MB", "process, MB"], rows)


@pytest.mark.slow
def test_anomaly_models() -> None:
    assert PEERS.exists(), "expected river in .venv-peers; `make bench-telemetry` puts it there"
    sequences = json_of("sequences_a_second.py")
    said = f"Sequences of {sequences['events']:.0f} events, all different: {sequences['a_second']:,.0f}/s."
    text = "\n\n".join([machine(), speed(), said, memory()])
    print("\n" + text)
    keep("anomaly models", text)
