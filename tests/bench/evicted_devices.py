"""Memory of a job on telemetry whose devices come and go: `python evicted_devices.py DEVICES READINGS`.

The devices report in ten groups, one group after the other, each for six days of event time; a device that was silent
for thirty days is forgotten. Prints one JSON object: after each group the devices that are remembered, their bytes, and
the process's memory in MB.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from infra.sqlite.broker import SqliteBroker
from models.telemetry_model import TelemetryModel
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.job_settings import JobSettings
from pipelines.shipped.telemetry import telemetry
from schemas.answers import DEVICE_TELEMETRY_ENRICHED
from schemas.device_telemetry import DEVICE_TELEMETRY
from schemas.record import Append

GROUPS, GROUP_DAYS = 10, 6
START = datetime(2026, 1, 1, tzinfo=UTC)


def readings(group: int, devices: int, each: int) -> Iterator[Append]:
    """Each device of a group in turns."""
    for turn in range(each):
        at = (START + timedelta(days=GROUP_DAYS * (group + turn / each))).strftime("%Y-%m-%dT%H:%M:%SZ")
        for device in range(group * devices, (group + 1) * devices):
            value = 20 + (device * 7 + turn * 13) % 101 / 100
            event = f'{{"device_id":"d{device}","event_time":"{at}","metric":"temp","value":{value}}}'
            yield Append(DEVICE_TELEMETRY.name, f"d{device}".encode(), event.encode())


def resident_mb() -> float:
    """Memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def main(devices: int, count: int) -> None:
    """Work through one group after the other."""
    pipeline, found = telemetry(TelemetryModel.named()), []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hubbub.db"
        with SqliteBroker(path, durability="off") as broker:
            broker.create_topics([DEVICE_TELEMETRY, DEVICE_TELEMETRY_ENRICHED])
            for group in range(GROUPS):
                rows = list(readings(group, devices // GROUPS, count // devices))
                for begin in range(0, len(rows), 5_000):
                    broker.append(rows[begin : begin + 5_000])
                del rows
                EmbeddedEngine(broker, JobSettings(tick_s=None)).run([pipeline], until_end=True)
                with sqlite3.connect(path) as kept:
                    keys, size = kept.execute("SELECT count(*), sum(length(value)) FROM state").fetchone()
                found.append({"devices": keys, "bytes": size, "mb": resident_mb()})
    print(json.dumps({"groups": found}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
