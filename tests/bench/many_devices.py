"""How much memory a job holds with many devices and many open alerts.

`python many_devices.py DEVICES OPEN HOURS [URL PREFIX CLIENT]`.

Telemetry and alerts, the embedded engine, a process of its own. In the first hour of event time each device reports
once, and OPEN of them are too hot; in each hour after it these report again, so that their alerts stay open, and as
many of the others in turn. Prints one JSON object: memory behind each hour (MB), alerts that are open, what was done.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import orjson
import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from infra.broker import Broker
from pipelines.engines.graph import topics_of
from pipelines.lag import lags_of
from pipelines.watching.open_alerts import OpenAlerts
from schemas.record import Append
from tests.bench.alert_latency import pipelines
from tests.bench.run_job import broker_of

START = 1_772_323_200  # 2026-03-01
PATIENCE_S = 1800.0
CHUNK = 5000
GROUPS = ("hubbub-telemetry", "hubbub-alerts")


def readings(hour: int, devices: int, hot: int) -> Iterator[Append]:
    """Make an hour's readings, in the order of time."""
    others = range(hot, devices) if hour == 0 else [hot + (hour * hot + n) % (devices - hot) for n in range(hot)]
    numbers = sorted([*range(hot), *others], key=lambda number: number * 2_654_435_761 % 1_000_003)
    for place, number in enumerate(numbers):
        seconds = START + hour * 3600 + 3600 * place // len(numbers)
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
        device = f"device-{number:06}"
        value = 150.0 if number < hot else 20.0 + number % 7
        event = {"device_id": device, "event_time": moment, "metric": "temp_c", "value": value, "unit": "Cel"}
        yield Append("device.telemetry", device.encode(), orjson.dumps(event))


def await_through(broker: Broker) -> None:
    """Wait until both groups have read all there is."""
    until = time.monotonic() + PATIENCE_S
    for group in GROUPS:
        while not (lags := lags_of(broker, group)) or any(one.records for one in lags):
            assert time.monotonic() < until, f"{group} did not come to the end"
            time.sleep(0.2)


def main() -> None:
    """Run hour after hour, look at the job's memory behind each."""
    devices, hot, hours, where = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    memory: list[float] = []
    count = 0
    with tempfile.TemporaryDirectory() as name, broker_of(Path(name), where) as broker:
        broker.create_topics(topics_of(pipelines("alerts", Path(name))))
        arguments = where or [f"sqlite:{Path(name) / 'hubbub.db'}"]
        script = str(Path(__file__).with_name("alert_latency.py"))
        started = time.monotonic()
        worker = subprocess.Popen(
            [sys.executable, script, "job", "alerts", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=name,
        )
        for hour in range(hours):
            made = readings(hour, devices, hot)
            while chunk := list(islice(made, CHUNK)):
                broker.append(chunk)
                count += len(chunk)
            await_through(broker)
            memory.append(round(psutil.Process(worker.pid).memory_info().rss / 1e6, 1))
            print(f"hour {hour}: {memory[-1]} MB, {count:,} readings", file=sys.stderr)
        seconds = time.monotonic() - started
        found = OpenAlerts(broker).count()
        told = json.loads(worker.communicate()[0])
    assert worker.returncode == 0
    figures = {"devices": devices, "open": sum(found.values()), "hours": hours, "readings": count}
    print(json.dumps(figures | {"memory_mb": memory, "seconds": round(seconds), "job": told}))


if __name__ == "__main__":
    main()
