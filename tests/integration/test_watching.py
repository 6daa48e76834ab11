"""Metrics, health and `hubbub top` of a real job."""

from __future__ import annotations

import json
import threading
import urllib.error
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from starlette.testclient import TestClient

from infra.sqlite.broker import SqliteBroker
from models.drift import LEVELS, SHIFTING_PSI
from pipelines.engines.job_settings import JobSettings
from pipelines.heartbeat import STILL_S, Heartbeat
from pipelines.serve.app import make_app
from pipelines.serve.board import Board
from pipelines.serve.follower import Follower
from pipelines.watching.open_alerts import OpenAlerts
from schemas.alerts import ALERTS
from schemas.answers import CUSTOMER_MESSAGES_ENRICHED, DEVICE_TELEMETRY_ENRICHED
from schemas.customer_messages import CUSTOMER_MESSAGES
from schemas.device_logs import DEVICE_LOGS
from schemas.device_telemetry import DEVICE_TELEMETRY
from schemas.notifications import NOTIFICATIONS
from schemas.record import Append
from schemas.silences import SILENCES
from tests.broker_subject import eventually
from tests.http_receiver import HttpReceiver, http_receiver
from tests.integration.conftest import Hubbub
from tests.scraped import asked_of_prometheus, fetch, labels_told, samples, watched

READINGS = 140
LATENESS_S = JobSettings().lateness_s
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
    event |= {"opened_at": at, "updated_at": at, "evidence": [], "fired_at": None if state == "pending" else at}
    return Append(ALERTS.name, fingerprint.encode(), orjson.dumps(event))


def reading(minute: int) -> Append:
    event = {"device_id": "d1", "event_time": f"2026-03-01T{minute // 60:02}:{minute % 60:02}:00Z", "metric": "temp"}
    return Append(DEVICE_TELEMETRY.name, b"d1", orjson.dumps(event | {"value": 20 + minute * 7 % 5 / 10}))


def message(device_id: str) -> Append:
    event = {"device_id": device_id, "event_time": "2026-03-01T08:00:00Z", "text": "it is offline again"}
    return Append(CUSTOMER_MESSAGES.name, device_id.encode(), orjson.dumps(event))


@pytest.fixture
def job(tmp_path: Path) -> Iterator[str]:
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
    with watched(tmp_path, "run", "mine:COPY", "telemetry", "messages") as url:
        yield url


@contextmanager
def notifying(folder: Path, receiver: HttpReceiver) -> Iterator[str]:
    """A notifier that is watched, with one receiver."""
    hook = f'[receivers.team]\nkind = "webhook"\nurl = "{receiver.url}/hook"\n'
    (folder / "notify.toml").write_text(f'[route]\nreceiver = "team"\ngroup_wait = "0s"\n{hook}', encoding="utf-8")
    with watched(folder, "notify") as url:
        yield url


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
    # A run is in the buckets by its time, a step by its rows; what time has been passed is known of who has read any.
    assert found["hubbub_model_run_seconds_bucket", "+Inf", text] == found["hubbub_model_run_seconds_count", text]
    assert found["hubbub_model_run_seconds_bucket", "0.001", text] <= found["hubbub_model_run_seconds_count", text]
    assert found["hubbub_step_rows_sum", "copy"] == found["hubbub_rows_total", "in", "copy"] == 31
    assert found["hubbub_step_rows_count", "copy"] == found["hubbub_steps_total", "copy"]
    assert found["hubbub_watermark_age_seconds", "hubbub-copy"] >= LATENESS_S
    # The same from outside, by the broker alone.
    look = json.loads(
        hubbub("top", "--broker", f"sqlite:{tmp_path / 'hubbub.db'}", "--once", "--every", "0.1", "--json").out
    )
    groups = [("hubbub-copy", 0), ("hubbub-messages", 0), ("hubbub-telemetry", 0)]
    assert [(one["group"], one["lag_records"]) for one in look["groups"]] == groups
    assert look["dead_letters"] == 1
    assert {one["state"]: one["count"] for one in look["alerts"]} == {"firing": 1, "pending": 1}
    assert "firing: 1 major; pending: 1" in hubbub("top", "--once", "--every", "0.1").out
    _dashboard_and_rules_ask_for_what_is_told(job, tmp_path)


def _dashboard_and_rules_ask_for_what_is_told(job: str, folder: Path) -> None:
    """Whatever they name is told by a job that has done all of it, by a notifier, or by a server of alerts."""
    with http_receiver() as receiver, notifying(folder, receiver) as notifier:
        receiver.await_requests(1)
        decided = ("hubbub_notifications_total", "firing", "team")
        assert eventually(lambda: decided in samples(fetch(f"{notifier}/metrics")))
        told = labels_told(fetch(f"{job}/metrics"), fetch(f"{notifier}/metrics"), served_text(folder))
    asked = asked_of_prometheus()
    assert asked and {name for names, _ in asked for name in names} <= told.keys()
    for names, labels in asked:
        assert labels <= {"le", "instance", *(label for name in names for label in told[name])}, names


def served_text(folder: Path) -> str:
    """What `hubbub serve` tells when it was asked something."""
    with SqliteBroker(folder / "hubbub.db") as broker:
        follower = Follower(broker, 0.05, {})
        app = make_app(Board(), follower, broker, None, threading.Event())
        client = TestClient(app, base_url="http://127.0.0.1")
        client.get("/api/alerts")
        return client.get("/metrics").text


def test_a_notifier_tells_whom_it_told_and_who_has_waited_for_how_long(tmp_path: Path) -> None:
    mended = threading.Event()
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        broker.create_topics([ALERTS, SILENCES, NOTIFICATIONS])
        broker.append([alert("a", "firing"), alert("b", "pending")])
    with (
        http_receiver(lambda came: 200 if mended.is_set() else 503) as receiver,
        notifying(tmp_path, receiver) as url,
    ):

        def told(name: str, *labels: str) -> float | None:
            return samples(fetch(f"{url}/metrics")).get((name, *labels))

        assert eventually(lambda: bool(told("hubbub_notification_tries_total", "failed", "team")))
        found = samples(fetch(f"{url}/metrics"))
        assert found["hubbub_notifications_total", "firing", "team"] == 1
        assert found["hubbub_notification_tries_total", "delivered", "team"] == 0
        assert found["hubbub_notifications_waiting", "team"] == found["hubbub_notifier_alerts", "major"] == 1
        assert found["hubbub_notifications_oldest_seconds", "team"] > 0
        assert found["hubbub_notification_groups_held", "team"] == 0
        assert found["hubbub_notifier_telling",] == found["hubbub_broker_up",] == 1
        assert ("hubbub_lag_seconds", "notify", "0", ALERTS.name) in found
        assert found["process_resident_memory_bytes",] > 1 << 20
        assert (fetch(f"{url}/healthz"), fetch(f"{url}/readyz")) == ("ok\n", "ok\n")
        mended.set()
        assert eventually(lambda: told("hubbub_notifications_waiting", "team") == 0)
        found = samples(fetch(f"{url}/metrics"))
        assert found["hubbub_notification_tries_total", "delivered", "team"] == 1
        assert found["hubbub_notification_retries_total", "team"] >= 1
        assert found["hubbub_notifications_oldest_seconds", "team"] == 0


def test_a_loop_that_does_not_come_round_is_told_of() -> None:
    heart = Heartbeat("the loop", at_s=100.0)
    assert heart.trouble(100.0 + STILL_S) is None
    assert heart.trouble(101.0 + STILL_S) == f"the loop has not moved for {STILL_S + 1:.0f} s"
    heart.beat()
    assert heart.trouble() is None


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
