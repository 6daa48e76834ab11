"""How long an alert takes when little happens: one alarm at a time, from `produce` to the alert that a reader can read.

`python tests/bench/one_at_a_time.py EVENTS` starts a job (the pipelines `alarms` and `alerts`) in a process of its own,
waits until it is idle, appends an alarm, looks until its alert is there, and so on. Prints one JSON object
of milliseconds. With `job PATH` it is that job, and prints its stages when its stdin ends.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import orjson

from infra.broker import Broker, TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.catalog import shipped_pipeline
from pipelines.engines.embedded_engine import EmbeddedEngine
from schemas.alerts import ALERTS
from schemas.catalog import INPUTS
from schemas.record import Append
from tests.bench.workloads import START, texts

# Long enough that the job sleeps when the next alarm comes.
PAUSE_S = 0.03
LOOK_S = 0.0005
PATIENCE_S = 60.0
# The first ones meet a job that is still starting.
WARM_UP = 5


def job(path: str) -> None:
    """Run until stdin ends."""
    stop = threading.Event()
    with SqliteBroker(path) as broker:
        engine = EmbeddedEngine(broker)
        pipelines = [shipped_pipeline("alarms"), shipped_pipeline("alerts")]
        thread = threading.Thread(target=engine.run, args=(pipelines,), kwargs={"stop": stop})
        thread.start()
        sys.stdin.read()
        stop.set()
        thread.join()
    print(json.dumps({name: times.seconds for name, times in engine.report.pipelines.items()}))


def alarms(count: int) -> Iterator[Append]:
    """Make alarms of which each is an alert of its own, for no code occurs twice."""
    for number, text in enumerate(texts("alarms", count)):
        device = f"device-{number % 100}"
        moment = datetime.fromtimestamp(START + number, UTC).isoformat()
        event = {"device_id": device, "event_time": moment, "code": f"E-{number}", "text": text, "state": "raise"}
        yield Append("alarms", device.encode(), orjson.dumps(event))


def wait_for_alert(broker: Broker, seen: dict[TopicPartition, int]) -> None:
    """Return when a record can be read behind those seen, and count it as seen."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        for part, end in broker.ends([ALERTS.name]).items():
            if end > seen.get(part, 0) and broker.read(part, end - 1, max_records=1, max_bytes=1 << 20):
                seen[part] = end
                return
        time.sleep(LOOK_S)
    raise AssertionError(f"expected an alert within {PATIENCE_S:.0f} s, got none")


def main() -> None:
    """Produce, look, count."""
    count = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder, SqliteBroker(Path(folder) / "hubbub.db") as broker:
        broker.create_topics([*INPUTS, ALERTS])
        command = [sys.executable, __file__, "job", str(broker.path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        seen: dict[TopicPartition, int] = {}
        taken = []
        for number, alarm in enumerate(alarms(count + WARM_UP)):
            start = time.perf_counter()
            broker.append([alarm])
            wait_for_alert(broker, seen)
            if number >= WARM_UP:
                taken.append(1000 * (time.perf_counter() - start))
            time.sleep(PAUSE_S)
        stages: dict[str, dict[str, float]] = json.loads(process.communicate()[0])
    assert process.returncode == 0
    in_order = sorted(taken)
    # A step commits twice: that it begins, and what it made; the pipeline's own commit is the second.
    commits = sum(one["commit"] for one in stages.values()) / (count + WARM_UP)
    print(json.dumps({"p50": in_order[count // 2], "p99": in_order[count * 99 // 100], "commits": 1000 * commits}))


if __name__ == "__main__":
    if sys.argv[1] == "job":
        job(sys.argv[2])
    else:
        main()
