"""From an event to its alert, end to end: `python alert_latency.py RATE SECONDS [URL PREFIX CLIENT]`.

A job (telemetry and alerts, the embedded engine) runs in a process of its own, `hubbub subscribe --follow --json` in
another. This one produces RATE readings a second, evenly; every tenth is of a device that is too hot, and raises an
alert. Counted is from before it is sent until subscribe has printed the alert. Prints one JSON object: milliseconds,
how busy the job was, the load of the machine before and after. Without a URL the broker is a new SQLite file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipelines.alert_rules.rule_file import read_rules
from pipelines.catalog import find_pipeline
from pipelines.engines.arrow_memory import take_arrow_memory_from_the_system
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.graph import topics_of
from pipelines.pipeline import Pipeline
from schemas.record import Append
from tests.bench.gateway import sender
from tests.bench.run_job import broker_of

PATIENCE_S = 60.0
WARM_UP_S = 3.0
EVERY = 10
DEVICES = 1000
BATCH_S = 0.01
RULES = """
defaults = false
[rules.hot]
source = "telemetry"
when.value = { above = 90 }
severity = "major"
resolve_after = "2h"
summary = "{device_id} is at {value:.0f}"
"""


def pipelines(folder: Path) -> list[Pipeline]:
    """Return what the job runs."""
    path = folder / "alerts.toml"
    path.write_text(RULES)
    rules = read_rules(path, {}).rules
    return [find_pipeline("telemetry", {}, rules), find_pipeline("alerts", {}, rules)]


def job(where: list[str]) -> None:
    """Run until stdin ends; print what took the time."""
    stop = threading.Event()
    take_arrow_memory_from_the_system(os.environ)  # as `hubbub run` does
    with tempfile.TemporaryDirectory() as name, broker_of(Path(name), where) as broker:
        engine = EmbeddedEngine(broker)
        thread = threading.Thread(target=engine.run, args=(pipelines(Path(name)),), kwargs={"stop": stop})
        thread.start()
        sys.stdin.read()
        stop.set()
        thread.join()
    report = {
        name: {"steps": one.steps, "rows": one.rows.get("in", 0), "s": {k: round(v, 2) for k, v in one.seconds.items()}}
        for name, one in engine.report.pipelines.items()
    }
    print(json.dumps({"cpu_s": time.process_time(), "pipelines": report}))


def reading(device: str, value: float) -> Append:
    """Make a reading of now."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    event = {"device_id": device, "event_time": now, "metric": "temp_c", "value": value, "unit": "Cel"}
    return Append("device.telemetry", device.encode(), orjson.dumps(event))


def follow(process: subprocess.Popen[bytes], seen: dict[str, float]) -> None:
    """Note when each device's first alert is printed."""
    assert process.stdout is not None
    for line in process.stdout:
        seen.setdefault(orjson.loads(line)["device_id"], time.perf_counter())


def main() -> None:
    """Start the job and who subscribes, produce, wait for the last alert, print."""
    rate, seconds, where = float(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    sent: dict[str, float] = {}
    seen: dict[str, float] = {}
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name, broker_of(Path(name), where) as broker:
        url = where[0] if where else f"sqlite:{Path(name) / 'hubbub.db'}"
        broker.create_topics(topics_of(pipelines(Path(name))))
        own = {"HUBBUB_KAFKA_TOPIC_PREFIX": where[1], "HUBBUB_KAFKA_CLIENT": where[2]} if where else {}
        send = sender(broker, where)
        environment = {**os.environ, **own, "PYTHONUNBUFFERED": "1"}
        arguments = where or [url]
        worker = subprocess.Popen(
            [sys.executable, __file__, "job", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=name
        )
        subscribing = [sys.executable, "-m", "pipelines.command_line", "subscribe", "--follow", "--from-beginning"]
        subscriber = subprocess.Popen(
            [*subscribing, "--json", "--broker", url], stdout=subprocess.PIPE, cwd=name, env=environment
        )
        reader = threading.Thread(target=follow, args=(subscriber, seen), daemon=True)
        reader.start()
        warm = 0
        until = time.monotonic() + PATIENCE_S
        while not seen and time.monotonic() < until:
            send([reading(f"warm-{warm}", 150.0)])
            warm += 1
            time.sleep(0.5)
        assert seen, "no alert came within a minute"
        started = time.perf_counter()
        number = 0
        while number < rate * (seconds + WARM_UP_S):
            due = min(int((time.perf_counter() - started) * rate), int(rate * (seconds + WARM_UP_S)))
            rows = []
            for one in range(number, due):
                hot = one % EVERY == 0
                rows.append(reading(f"hot-{one}" if hot else f"device-{one % DEVICES}", 150.0 if hot else 20.0))
                if hot and one >= rate * WARM_UP_S:
                    sent[f"hot-{one}"] = time.perf_counter()
            if rows:
                send(rows)
            number = due
            time.sleep(BATCH_S)
        until = time.monotonic() + PATIENCE_S
        while not sent.keys() <= seen.keys() and time.monotonic() < until:
            time.sleep(0.05)
        subscriber.terminate()
        subscriber.wait(20)
        told = json.loads(worker.communicate()[0])
    missing = sent.keys() - seen.keys()
    assert not missing and worker.returncode == 0, f"{len(missing)} of {len(sent)} alerts did not come"
    taken = sorted(1000 * (seen[device] - at) for device, at in sent.items())
    figures = {f"p{share}": round(taken[len(taken) * share // 100], 1) for share in (50, 90, 99)}
    print(
        json.dumps(
            figures
            | {"most": round(taken[-1], 1), "alerts": len(taken), "seconds": seconds, "rate": rate}
            | {"load_before": round(load, 1), "load_after": round(os.getloadavg()[0], 1), "job": told}
        )
    )


if __name__ == "__main__":
    if sys.argv[1] == "job":
        job(sys.argv[2:])
    else:
        main()
