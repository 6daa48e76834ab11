"""One incident of many events: `python big_incident.py EVENTS DEVICES`.

EVENTS alarms of DEVICES devices of one site, within half an hour, through alerts, sites and incidents (the embedded
engine, SQLite). Prints one JSON object: incidents, revisions, events that they count, the largest revision and the
largest memory of a key in bytes, seconds, the most memory of this process.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).parents[2]))

from infra.sqlite.broker import SqliteBroker
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.graph import topics_of
from pipelines.records_in_order import begin_of, end_of, records_in_order
from pipelines.shipped.alerts import alerts
from pipelines.shipped.incidents import incidents
from pipelines.shipped.sites import sites
from schemas.incidents import INCIDENTS
from schemas.record import Append
from tests.peak_memory import peak_mib

START = 1_772_323_200  # 2026-03-01
SPAN_S = 1800
CHAIN = (alerts(), sites(), incidents())


def registry(devices: int) -> list[Append]:
    """Place the devices: all on one site, behind one gateway."""
    found = []
    for number in range(devices):
        row: dict[str, str | None] = {
            "device_id": f"d{number}",
            "valid_from": "2026-01-01T00:00:00Z",
            "site": "plant",
            "room": f"r{number % 20}",
        }
        row["type"], row["upstream_device_id"] = "drive", None if number == 0 else "d0"
        found.append(Append("devices", f"d{number}".encode(), orjson.dumps(row)))
    return found


def alarm(number: int, count: int, devices: int) -> Append:
    """Make an understood alarm: all say that the network is down."""
    seconds = START + SPAN_S * number / count
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{round(seconds % 1 * 1e6):06}Z"
    device = f"d{number % devices}"
    row = {"device_id": device, "event_time": moment, "code": f"C{number // devices}", "text": "link down, no network"}
    row |= {"perceived_severity": "major", "state": "raise"}
    answers = {"input": {"event_id": f"{number:032x}"}, "late": False}
    answers |= {"category": {"label": "network", "score": 0.9, "model": "m"}}
    return Append("alarms.enriched", device.encode(), orjson.dumps(row | {"hubbub": answers}))


def main() -> None:
    """Fill, run to the end, look at what was written."""
    count, devices = int(sys.argv[1]), int(sys.argv[2])
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "hubbub.db"
        with SqliteBroker(path) as broker:
            broker.create_topics(topics_of(CHAIN))
            broker.append(registry(devices))
            made = (alarm(number, count, devices) for number in range(count))
            while chunk := list(islice(made, 5000)):
                broker.append(chunk)
            started = time.process_time()
            EmbeddedEngine(broker).run(CHAIN, until_end=True)
            cpu_s = time.process_time() - started
        with sqlite3.connect(path) as database:
            state = dict(
                database.execute(
                    "SELECT s.grp, MAX(LENGTH(t.value)) FROM state t JOIN streams s ON s.id = t.stream GROUP BY s.grp"
                )
            )
        with SqliteBroker(path) as broker:
            places = begin_of(broker, INCIDENTS.name), end_of(broker, INCIDENTS.name)
            values = [record.value or b"" for _, record in records_in_order(broker, *places)]
    last = {one["incident_id"]: one for one in map(orjson.loads, values)}
    print(
        json.dumps(
            {"alarms": count, "devices": devices, "incidents": len(last), "revisions": len(values)}
            | {"counted": sorted((one["event_count"] for one in last.values()), reverse=True)[:3]}
            | {"largest_revision": max(map(len, values)), "largest_memory": state, "cpu_s": round(cpu_s, 1)}
            | {"peak_mib": peak_mib()}
        )
    )


if __name__ == "__main__":
    main()
