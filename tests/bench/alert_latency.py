"""From an event to its alert or incident: `python alert_latency.py alerts|incidents RATE SECONDS [URL PREFIX CLIENT]`.

A job (the embedded engine) runs in a process of its own, `hubbub subscribe --follow --json` in another. This one
produces RATE events a second, evenly; most are readings. For `alerts` every tenth is of a device that is too hot, and
the job is telemetry and alerts. For `incidents` every hundredth is an alarm of a device of its own, severe enough to be
an incident alone; telemetry, alarms and alerts are one job, sites and incidents another, as `hubbub run` and `hubbub
run incidents` beside it are. Counted is from before an event is sent until subscribe has printed what came of it.
Prints one JSON object: milliseconds, how busy the jobs were, the load of the machine before and after. Without a URL
the broker is a new SQLite file.
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
from functools import partial
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipelines.alert_rules.rule_file import read_rules
from pipelines.catalog import find_pipeline, shipped_pipeline
from pipelines.engines.arrow_memory import take_arrow_memory_from_the_system
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.graph import topics_of
from pipelines.pipeline import Pipeline
from schemas.record import Append
from tests.bench.gateway import sender
from tests.bench.run_job import broker_of

PATIENCE_S = 60.0
WARM_UP_S = 3.0
EVERY = {"alerts": 10, "incidents": 100}
JOBS = {"alerts": ["telemetry alerts"], "incidents": ["telemetry alarms alerts", "sites incidents"]}
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


def pipelines(names: str, folder: Path) -> list[Pipeline]:
    """Return what a job runs; with alerts alone, one rule is all there is."""
    if names != JOBS["alerts"][0]:
        return [shipped_pipeline(name) for name in names.split()]
    path = folder / "alerts.toml"
    path.write_text(RULES)
    rules = read_rules(path, {}).rules
    return [find_pipeline(name, {}, rules) for name in names.split()]


def job(names: str, where: list[str]) -> None:
    """Run until stdin ends; print what took the time."""
    stop = threading.Event()
    take_arrow_memory_from_the_system(os.environ)  # as `hubbub run` does
    with tempfile.TemporaryDirectory() as name, broker_of(Path(name), where) as broker:
        engine = EmbeddedEngine(broker)
        thread = threading.Thread(target=engine.run, args=(pipelines(names, Path(name)),), kwargs={"stop": stop})
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


def alarm(device: str) -> Append:
    """Make an alarm of now, enough for an incident."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    event = {"device_id": device, "event_time": now, "code": "E7", "text": "coolant leak", "state": "raise"}
    return Append("alarms", device.encode(), orjson.dumps({**event, "perceived_severity": "critical"}))


def follow(process: subprocess.Popen[bytes], seen: dict[str, float]) -> None:
    """Note when the first that is told of each device is printed; a device that is in no site is one of its own."""
    assert process.stdout is not None
    for line in process.stdout:
        event = orjson.loads(line)
        seen.setdefault(event.get("device_id") or event["site"], time.perf_counter())


def main() -> None:
    """Start the job and who subscribes, produce, wait for the last alert, print."""
    what, rate, seconds, where = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]
    sent: dict[str, float] = {}
    seen: dict[str, float] = {}
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name, broker_of(Path(name), where) as broker:
        url = where[0] if where else f"sqlite:{Path(name) / 'hubbub.db'}"
        broker.create_topics(topics_of([one for names in JOBS[what] for one in pipelines(names, Path(name))]))
        own = {"HUBBUB_KAFKA_TOPIC_PREFIX": where[1], "HUBBUB_KAFKA_CLIENT": where[2]} if where else {}
        send = sender(broker, where)
        telling = alarm if what == "incidents" else partial(reading, value=150.0)
        environment = {**os.environ, **own, "PYTHONUNBUFFERED": "1"}
        arguments = where or [url]
        workers = [
            subprocess.Popen(
                [sys.executable, __file__, "job", names, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=name,
            )
            for names in JOBS[what]
        ]
        subscribing = [
            sys.executable,
            "-m",
            "pipelines.command_line",
            "subscribe",
            what,
            "--follow",
            "--from-beginning",
        ]
        subscriber = subprocess.Popen(
            [*subscribing, "--json", "--broker", url],
            stdout=subprocess.PIPE,
            cwd=name,
            env=environment,
        )
        reader = threading.Thread(target=follow, args=(subscriber, seen), daemon=True)
        reader.start()
        warm = 0
        until = time.monotonic() + PATIENCE_S
        while not seen and time.monotonic() < until:
            send([telling(f"warm-{warm}")])
            warm += 1
            time.sleep(0.5)
        assert seen, "nothing was told within a minute"
        started = time.perf_counter()
        number = 0
        counted = range(int(rate * WARM_UP_S), int(rate * (WARM_UP_S + seconds)))
        # Events go on to come until all that count are told: time, which an incident waits for, stands still without.
        while number < counted.stop or not sent.keys() <= seen.keys():
            elapsed = time.perf_counter() - started
            if elapsed > WARM_UP_S + seconds + PATIENCE_S:
                break
            rows = []
            for one in range(number, int(elapsed * rate)):
                hot = one % EVERY[what] == 0
                rows.append(telling(f"hot-{one}") if hot else reading(f"device-{one % DEVICES}", 20.0))
                if hot and one in counted:
                    sent[f"hot-{one}"] = time.perf_counter()
            if rows:
                send(rows)
            number += len(rows)
            time.sleep(BATCH_S)
        subscriber.terminate()
        subscriber.wait(20)
        told = [json.loads(worker.communicate()[0]) for worker in workers]
    missing = sent.keys() - seen.keys()
    assert not missing and not any(worker.returncode for worker in workers), (
        f"{len(missing)} of {len(sent)} did not come"
    )
    taken = sorted(1000 * (seen[device] - at) for device, at in sent.items())
    figures = {f"p{share}": round(taken[len(taken) * share // 100], 1) for share in (50, 90, 99)}
    print(
        json.dumps(
            figures
            | {"most": round(taken[-1], 1), "alerts": len(taken), "seconds": seconds, "rate": rate}
            | {"load_before": round(load, 1), "load_after": round(os.getloadavg()[0], 1), "jobs": told}
        )
    )


if __name__ == "__main__":
    if sys.argv[1] == "job":
        job(sys.argv[2], sys.argv[3:])
    else:
        main()
