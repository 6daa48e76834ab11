"""How long the console's lists take with 10,000 open alerts and 20,000 devices: by the clock, and of the processor."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from infra.sqlite.broker import SqliteBroker
from schemas.answers import DEVICE_LOGS_ENRICHED
from schemas.record import Append
from tests.bench.figures import machine, table
from tests.console_client import logged_in
from tests.console_world import alert, make_world

PAGES = ("/alerts", "/alerts?page=100", "/alerts?q=alert+77&severity=major", "/devices", "/devices?q=d-1999&page=1")
SEVERITIES = ("critical", "major", "minor", "warning")


@pytest.mark.slow
def test_long_lists(tmp_path: Path) -> None:
    path = tmp_path / "hubbub.db"
    alerts = [alert(f"alert {n}", f"d-{n % 999}", SEVERITIES[n % 4], minutes_ago=n % 600) for n in range(10_000)]
    make_world(path, alerts)
    with SqliteBroker(path) as broker:
        broker.append([Append(DEVICE_LOGS_ENRICHED.name, f"d-{n}".encode(), b"{}") for n in range(20_000)])
    rows = []
    with logged_in(path) as (client, _):
        while "Still reading" in client.get("/devices").text:
            pass
        for page in PAGES:
            took = []
            for _ in range(3):
                start, cpu = time.perf_counter(), time.process_time()
                size = len(client.get(page).content)
                took.append((time.perf_counter() - start, time.process_time() - cpu))
            clock_s, cpu_s = min(took)
            rows.append([page, f"{1000 * clock_s:.0f}", f"{1000 * cpu_s:.0f}", f"{size:,}"])
    print(f"\n{machine()}\n\n" + table(["page", "ms", "ms of CPU", "bytes"], rows))
