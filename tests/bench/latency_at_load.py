"""How long one message takes while others come: `python latency_at_load.py URL PREFIX CLIENT RATE SECONDS`.

A job (the pipeline `messages`) runs in a process of its own; this one produces RATE messages a second, evenly, as a
gateway does, and a read_committed consumer of kafka-python notes when each enriched message can be read. Prints one
JSON object of milliseconds, and the mean commit of the job.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipelines.catalog import shipped_pipeline
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.graph import topics_of
from tests.bench.gateway import sender
from tests.bench.run_job import broker_of
from tests.bench.workloads import events

PATIENCE_S = 60.0
WARM_UP = 50


def job(where: list[str]) -> None:
    """Run until stdin ends; print the times of the stages."""
    stop = threading.Event()
    with tempfile.TemporaryDirectory() as folder, broker_of(Path(folder), where) as broker:
        engine = EmbeddedEngine(broker)
        thread = threading.Thread(target=engine.run, args=([shipped_pipeline("messages")],), kwargs={"stop": stop})
        thread.start()
        sys.stdin.read()
        stop.set()
        thread.join()
    print(json.dumps(engine.report.pipelines["messages"].seconds))


def read(where: list[str], seen: dict[str, float], wanted: int) -> None:
    """Note when each enriched message is there; ends when all are."""
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(
        f"{where[1]}customer.messages.enriched",
        bootstrap_servers=where[0].removeprefix("kafka://"),
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        group_id=None,
        fetch_max_wait_ms=5,
    )
    until = time.monotonic() + PATIENCE_S + wanted / 10
    while len(seen) < wanted and time.monotonic() < until:
        for records in consumer.poll(100).values():
            now = time.perf_counter()
            for record in records:
                seen[json.loads(record.value)["text"]] = now
    consumer.close()


def main() -> None:
    """Start the job, produce, read, print."""
    where, rate, seconds = sys.argv[1:4], float(sys.argv[4]), float(sys.argv[5])
    count = round(rate * seconds) + WARM_UP
    sent: dict[str, float] = {}
    seen: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, broker_of(Path(folder), where) as broker:
        broker.create_topics(topics_of([shipped_pipeline("messages")]))
        process = subprocess.Popen(
            [sys.executable, __file__, "job", *where], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        reader = threading.Thread(target=read, args=(where, seen, count))
        reader.start()
        made: list[Any] = list(events("messages", count))
        send = sender(broker, where)
        started = time.perf_counter()
        for number, event in enumerate(made):
            if number == WARM_UP:  # the job has its models and its partitions by then
                until = time.monotonic() + PATIENCE_S
                while len(seen) < WARM_UP and time.monotonic() < until:
                    time.sleep(0.05)
                started = time.perf_counter() - number / rate
            time.sleep(max(0.0, started + number / rate - time.perf_counter()))
            sent[json.loads(event.value)["text"]] = time.perf_counter()
            send([event])
        reader.join()
        stages = json.loads(process.communicate()[0])
    assert process.returncode == 0 and len(seen) == count, f"{count - len(seen)} of {count} messages did not come out"
    taken = sorted(1000 * (seen[text] - at) for text, at in list(sent.items())[WARM_UP:])
    figures = {f"p{share}": taken[len(taken) * share // 100] for share in (50, 90, 99)}
    print(json.dumps(figures | {"messages": len(taken), "commit_share": stages["commit"] / sum(stages.values())}))


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if sys.argv[1] == "job":
        job(sys.argv[2:])
    else:
        main()
