"""Metrics, health and `hubbub top` of a real job; what dashboards and rules ask for is really there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from infra.sqlite.broker import SqliteBroker
from models.drift import LEVELS, SHIFTING_PSI
from pipelines.watching.open_alerts import OpenAlerts
from schemas.alerts import ALERTS
from schemas.answers import CUSTOMER_MESSAGES_ENRICHED, DEVICE_TELEMETRY_ENRICHED
from schemas.customer_messages import CUSTOMER_MESSAGES
from schemas.device_logs import DEVICE_LOGS
from schemas.device_telemetry import DEVICE_TELEMETRY
from schemas.record import Append
from tests.broker_subject import eventually
from tests.integration.conftest import Hubbub
from tests.patience import PATIENCE_S

READINGS = 140
INFRA = Path(__file__).parents[2] / "infra"
PIPELINES = """
from pipelines.pipeline import Pipeline
from schemas.device_logs import DEVICE_LOGS
from schemas.topic import Topic

COPY = Pipeline("copy", [DEVICE_LOGS], [], [Topic("copies", DEVICE_LOGS.schema, "copies")])
"""


def alert(fingerprint: str, state: str, severity: str = "major") -> Append:
    at = "2026-03-01T08:00:00Z"
    event = {"fingerprint": fingerprint, "alert_id": fingerprint, "revision": 1, "device_id": "d1", "event_time": at}
    event |= {"rule": "r", "state": state, "severity": severity, "summary": "s", "labels": {}, "count": 1}
    event |= {"opened_at": at, "updated_at": at, "evidence": []}
    return Append(ALERTS.name, fingerprint.encode(), orjson.dumps(event))


def reading(minute: int) -> Append:
    event = {"device_id": "d1", "event_time": f"2026-03-01T{minute // 60:02}:{minute % 60:02}:00Z", "metric": "temp"}
    return Append(DEVICE_TELEMETRY.name, b"d1", orjson.dumps(event | {"value": 20 + minute * 7 % 5 / 10}))


def message(device_id: str) -> Append:
    event = {"device_id": device_id, "event_time": "2026-03-01T08:00:00Z", "text": "it is offline again"}
    return Append(CUSTOMER_MESSAGES.name, device_id.encode(), orjson.dumps(event))


@pytest.fixture
def job(tmp_path: Path) -> Any:
    """A job that waits for more, having copied 30 lines and refused one, and judged readings."""
    (tmp_path / "mine.py").write_text(PIPELINES)
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        broker.create_topics(
            [
                DEVICE_LOGS,
                DEVICE_TELEMETRY,
                DEVICE_TELEMETRY_ENRICHED,
                CUSTOMER_MESSAGES,
                CUSTOMER_MESSAGES_ENRICHED,
                ALERTS,
            ]
        )
        broker.append([reading(minute) for minute in range(READINGS)])
        broker.append([message("d1")])
        rows = [{"device_id": f"d{at % 3}", "message": f"line {at}"} for at in range(30)]
        broker.append([Append(DEVICE_LOGS.name, str(row["device_id"]).encode(), orjson.dumps(row)) for row in rows])
        broker.append([Append(DEVICE_LOGS.name, None, b"nope")])
        broker.append([alert("a", "firing"), alert("b", "firing"), alert("b", "resolved"), alert("c", "pending")])
    command = [
        sys.executable,
        "-m",
        "pipelines.command_line",
        "run",
        "mine:COPY",
        "telemetry",
        "messages",
        "--metrics",
        "127.0.0.1:0",
    ]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert found, line
            yield found.group()
        finally:
            process.terminate()


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        return str(answer.read().decode())


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Return each sample's value by its name and the values of its labels, in the order of their names."""
    families = text_string_to_metric_families(text)
    return {
        (one.name, *(value for _, value in sorted(one.labels.items()))): one.value
        for family in families
        for one in family.samples
    }


def test_a_job_tells_what_it_has_done_and_what_it_has_before_it(job: str, tmp_path: Path, hubbub: Hubbub) -> None:
    # A step is counted behind its commit, one figure after the other.
    refused = ("hubbub_dead_letters_total", "copy", "bad_json")
    copied = ("hubbub_rows_total", "out", "copy")
    wanted = {refused: 1, copied: 30}
    assert eventually(lambda: wanted.items() <= samples(fetch(f"{job}/metrics")).items())
    found = samples(fetch(f"{job}/metrics"))
    assert found["hubbub_rows_total", "out", "copy"] == 30
    assert found["hubbub_dead_letters_total", "copy", "bad_json"] == 1
    assert found["hubbub_steps_total", "copy"] >= 1
    assert found["hubbub_broker_up",] == 1
    assert found["hubbub_alerts", "major", "firing"] == found["hubbub_alerts", "major", "pending"] == 1
    lags = [value for name, value in found.items() if name[0] == "hubbub_lag_records" and "hubbub-copy" in name]
    assert (len(lags), sum(lags)) == (DEVICE_LOGS.partitions, 0)
    assert found["process_resident_memory_bytes",] > 1 << 20
    assert (fetch(f"{job}/healthz"), fetch(f"{job}/readyz")) == ("ok\n", "ok\n")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetch(f"{job}/etc/passwd")
    # The readings after the first thirty, beside the reference on the model's card.
    judged = ("hubbub_rows_total", "out", "telemetry")
    assert eventually(lambda: samples(fetch(f"{job}/metrics")).get(judged, 0) == READINGS)
    level = ("hubbub_drift_level", "anomaly.score")  # told behind the rows
    assert eventually(lambda: level in {name[:2] for name in samples(fetch(f"{job}/metrics"))})
    found = samples(fetch(f"{job}/metrics"))
    drift = {name[:2]: value for name, value in found.items() if name[0].startswith("hubbub_drift")}
    assert drift["hubbub_drift_level", "anomaly.score"] == LEVELS.index("stable")
    assert drift["hubbub_drift_psi", "anomaly.score"] < SHIFTING_PSI
    assert drift["hubbub_drift_ks", "anomaly.score"] <= drift["hubbub_drift_ks_bound", "anomaly.score"]
    assert ("hubbub_drift_ks", "anomaly") not in drift, "labels have no order"
    # A text that was answered before is not run again.
    assert eventually(lambda: samples(fetch(f"{job}/metrics")).get(("hubbub_rows_total", "out", "messages"), 0) == 1)
    before = samples(fetch(f"{job}/metrics"))
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        broker.append([message("d2")])
    assert eventually(lambda: samples(fetch(f"{job}/metrics")).get(("hubbub_rows_total", "out", "messages"), 0) == 2)
    found = samples(fetch(f"{job}/metrics"))
    (text,) = [name[1] for name in found if name[0] == "hubbub_model_lookups_total" and name[2] == "hit"]
    change = {
        outcome: found["hubbub_model_lookups_total", text, outcome]
        - before["hubbub_model_lookups_total", text, outcome]
        for outcome in ("hit", "miss")
    }
    assert change == {"hit": 1, "miss": 0}
    assert found["hubbub_model_run_seconds_count", text] == before["hubbub_model_run_seconds_count", text] > 0
    assert found["hubbub_model_run_seconds_sum", text] > 0
    # Whatever the dashboard and the rules name is told by a job that has done all of it.
    told = {name[0] for name in found}
    asked = {
        name
        for path in (INFRA / "grafana" / "hubbub.json", INFRA / "prometheus" / "hubbub.rules.yaml")
        for name in re.findall(r"\b(?:hubbub|process)_[a-z_]+", path.read_text())
    }
    assert asked and asked <= told
    # The same from outside, by the broker alone.
    look = json.loads(
        hubbub("top", "--broker", f"sqlite:{tmp_path / 'hubbub.db'}", "--once", "--every", "0.1", "--json").out
    )
    groups = [("hubbub-copy", 0), ("hubbub-messages", 0), ("hubbub-telemetry", 0)]
    assert [(one["group"], one["lag_records"]) for one in look["groups"]] == groups
    assert look["dead_letters"] == 1
    assert {one["state"]: one["count"] for one in look["alerts"]} == {"firing": 1, "pending": 1}
    assert "firing: 1 major; pending: 1" in hubbub("top", "--once", "--every", "0.1").out


@pytest.mark.parametrize("address", ["9464", "127.0.0.1:99999", "here:port"])
def test_an_address_that_is_none_is_refused(hubbub: Hubbub, address: str) -> None:
    answer = hubbub("run", "--until-end", "--metrics", address)
    assert (answer.status, "expected an address to listen on" in answer.err) == (2, True)


def test_open_alerts_are_counted_as_they_change(tmp_path: Path) -> None:
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        counts = OpenAlerts(broker)
        assert counts.count() == Counter()
        broker.create_topics([ALERTS])
        broker.append([alert("a", "pending"), alert("b", "firing", "critical")])
        assert counts.count() == {("pending", "major"): 1, ("firing", "critical"): 1}
        broker.append([alert("a", "firing"), alert("b", "resolved", "critical")])
        assert counts.count() == counts.count() == {("firing", "major"): 1}
        broker.append([Append(ALERTS.name, b"a", None)])
        assert counts.count() == Counter()
