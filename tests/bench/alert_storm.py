"""An alert storm through real processes: `python alert_storm.py ALERTS SECONDS`.

ALERTS alerts of as many devices of 50 sites come within SECONDS; `hubbub notify` tells them to two webhooks (grouped by
site, and by device with a rate limit), `hubbub serve` shows them. Prints one JSON object: what was told, how large,
whether everything was named, memory, how long a page of the open alerts takes meanwhile and after.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import orjson
import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from infra.sqlite.broker import SqliteBroker
from schemas.alerts import ALERTS
from schemas.notifications import NOTIFICATIONS
from schemas.record import Append
from schemas.silences import SILENCES
from tests.http_receiver import HttpReceiver, http_receiver
from tests.peak_memory import peak_mib

SITES = 50
CHUNK = 500
PATIENCE_S = 600.0
PLAN = """
[route]
receiver = "team"
group_by = ["site"]
group_wait = "2s"
group_interval = "10s"
[[route.routes]]
receiver = "phone"
matchers = ["severity=critical"]
group_by = ["device_id"]
group_wait = "0s"
continue = true
[receivers.team]
kind = "webhook"
url = "{team}/hook"
[receivers.phone]
kind = "webhook"
url = "{phone}/hook"
rate_limit = 30
rate_window = "1m"
"""


def alert(number: int) -> Append:
    """Make an alert that fires."""
    device = f"d{number}"
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    event = {
        "fingerprint": f"f-{device}", "alert_id": f"a-{device}", "revision": 1, "device_id": device,
        "event_time": now, "rule": "too-warm", "state": "firing", "severity": "critical" if number % 2 else "minor",
        "summary": f"{device} is too warm", "labels": {"site": f"s{number % SITES}"}, "opened_at": now,
        "updated_at": now, "fired_at": now, "count": 1, "evidence": [],
    }  # fmt: skip
    return Append(ALERTS.name, f"f-{device}".encode(), orjson.dumps(event))


def told_of(receiver: HttpReceiver) -> int:
    """Return how many alerts the notifications of a receiver told of, each counted once."""
    return sum(came.json["hubbub"]["firing"] for came in list(receiver.came) if came.json["status"] == "firing")


def page_ms(port: int, number: int = 50) -> float:
    """Ask for a page of the open alerts."""
    start = time.perf_counter()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/alerts?limit={number}", timeout=60) as answer:
        answer.read()
    return (time.perf_counter() - start) * 1000


def main() -> None:
    """Start both, let the storm come, wait until all is told."""
    count, seconds = int(sys.argv[1]), float(sys.argv[2])
    command = [sys.executable, "-m", "pipelines.command_line"]
    with tempfile.TemporaryDirectory() as name, http_receiver() as team, http_receiver() as phone:
        folder = Path(name)
        (folder / "notify.toml").write_text(PLAN.format(team=team.url, phone=phone.url))
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        with SqliteBroker(folder / "hubbub.db") as broker:
            broker.create_topics([ALERTS, NOTIFICATIONS, SILENCES])
            notifier = subprocess.Popen([*command, "notify"], cwd=name, env=environment, stderr=subprocess.DEVNULL)
            server = subprocess.Popen(
                [*command, "serve", "--port", "0"], cwd=name, env=environment, stderr=subprocess.PIPE, text=True
            )
            assert server.stderr is not None
            port = int(server.stderr.readline().split(":")[2].split("/")[0])
            pages: list[float] = []
            over = threading.Event()

            def look() -> None:
                while not over.wait(1.0):
                    pages.append(page_ms(port))

            looking = threading.Thread(target=look)
            looking.start()
            started = time.monotonic()
            for first in range(0, count, CHUNK):
                time.sleep(max(0.0, started + seconds * first / count - time.monotonic()))
                broker.append([alert(number) for number in range(first, min(first + CHUNK, count))])
            came_s = time.monotonic() - started
            until = time.monotonic() + PATIENCE_S
            wanted = {"phone": count // 2, "team": count - count // 2}
            found = {"phone": 0, "team": 0}
            while time.monotonic() < until and any(found[one] < wanted[one] for one in wanted):
                time.sleep(1.0)
                found = {"phone": told_of(phone), "team": told_of(team)}
            told_s = time.monotonic() - started
            over.set()
            looking.join()
            after = [page_ms(port) for _ in range(5)]
            total = orjson.loads(urllib.request.urlopen(f"http://127.0.0.1:{port}/api/alerts?limit=1").read())["total"]
            memory = {"notify": peak_mib(notifier.pid), "serve": peak_mib(server.pid)}
            cpu = {
                key: round(sum(psutil.Process(one.pid).cpu_times()[:2]), 1)
                for key, one in (("notify", notifier), ("serve", server))
            }
            for process in (notifier, server):
                process.send_signal(signal.SIGTERM)
                assert process.wait(60) == 0
            server.stderr.close()
    print(
        json.dumps(
            {"alerts": count, "came_s": round(came_s, 1), "told_s": round(told_s, 1), "told": found, "wanted": wanted}
            | {"notifications": {"team": len(team.came), "phone": len(phone.came)}}
            | {"largest_bytes": max(len(one.body) for one in (*team.came, *phone.came)), "open": total}
            | {
                "peak_mib": memory,
                "cpu_s": cpu,
                "page_ms_meanwhile": round(max(pages)),
                "page_ms_after": round(min(after)),
            }
        )
    )


if __name__ == "__main__":
    main()
