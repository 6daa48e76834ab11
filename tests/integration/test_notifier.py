"""The notifier at work: real receivers on the loopback that answer, fail, hang, and kill it between send and memory."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from infra.sqlite.broker import SqliteBroker
from operators.default_alert_rules import DEFAULT_ALERT_RULES
from pipelines.alert_actions import write_action
from pipelines.notify.history import told
from pipelines.notify.notifier import Notifier, join
from pipelines.notify.notify_file import read_notify_file
from pipelines.silences import new_silence, write_silence
from schemas.alert_actions import ALERTS_ACTIONS
from schemas.alerts import ALERTS
from schemas.incidents import INCIDENTS
from schemas.notifications import NOTIFICATIONS
from schemas.record import Append
from schemas.silences import SILENCES
from tests.broker_subject import eventually
from tests.http_receiver import Came, HttpReceiver, http_receiver
from tests.patience import PATIENCE_S
from tests.raised_alerts import event_of, has_han

Hubbub = Callable[..., Any]
ROOT = Path(__file__).parents[2]
ROUTE = """
[route]
receiver = "team"
group_by = ["device_id"]
group_wait = "0s"
group_interval = "1s"
"""


def event(device: str, state: str = "firing", *, revision: int = 1, **more: object) -> Append:
    value = {
        "fingerprint": f"f-{device}", "alert_id": f"a-{device}", "revision": revision, "device_id": device,
        "event_time": "2026-03-01T08:00:00Z", "rule": "too-warm", "state": state, "severity": "major",
        "summary": f"{device} is too warm", "labels": {"site": "lab"}, "opened_at": "2026-03-01T07:59:00Z",
        "updated_at": "2026-03-01T08:00:00Z", "fired_at": "2026-03-01T08:00:00Z", "count": 3, "evidence": [], **more,
    }  # fmt: skip
    return Append(ALERTS.name, f"f-{device}".encode(), orjson.dumps(value))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[SqliteBroker]:
    with SqliteBroker(tmp_path / "hubbub.db") as one:
        one.create_topics([ALERTS, SILENCES, NOTIFICATIONS])
        yield one


def webhook(receiver: HttpReceiver, name: str = "team", **more: str) -> str:
    more = {"timeout": "5m", **more}  # nobody here is given up for being slow, but by a test that says so
    lines = "".join(f'{key} = "{value}"\n' for key, value in more.items())
    return f'[receivers.{name}]\nkind = "webhook"\nurl = "{receiver.url}/hook"\n{lines}'


@contextmanager
def running(broker: SqliteBroker, text: str, environment: dict[str, str] | None = None) -> Iterator[Notifier]:
    """A notifier in a thread of its own, with a broker of its own."""
    path = broker.path.parent / "notify.toml"
    path.write_text(text, encoding="utf-8")
    stop = threading.Event()
    with SqliteBroker(broker.path) as own:
        notifying, membership = read_notify_file(path, environment or {}), join(own, None, named=True)
        notifier = Notifier(own, notifying, membership, poll_s=0.05, rules=DEFAULT_ALERT_RULES)
        thread = threading.Thread(target=notifier.run, args=(stop,))
        thread.start()
        try:
            yield notifier
        finally:
            stop.set()
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


def test_a_webhook_gets_what_alertmanager_sends_signed_and_with_a_key(broker: SqliteBroker) -> None:
    with http_receiver() as receiver:
        broker.append([event("d1")])
        text = ROUTE + webhook(receiver, secret_env="HOOK_SECRET", token_env="HOOK_TOKEN")
        with running(broker, text, {"HOOK_SECRET": "very secret", "HOOK_TOKEN": "t0ken"}):
            [came] = receiver.await_requests(1)
            broker.append([event("d1", "resolved", revision=2, resolved_at="2026-03-01T09:00:00Z")])
            receiver.await_requests(2)
            assert eventually(lambda: told(broker)["team"].delivered == 2)
    assert (came.path, came.json["version"], came.json["status"]) == ("/hook", "4", "firing")
    [alert] = came.json["alerts"]
    assert alert["labels"] == {"alertname": "too-warm", "device_id": "d1", "severity": "major", "site": "lab"}
    assert (alert["startsAt"], alert["fingerprint"]) == ("2026-03-01T07:59:00.000000Z", "f-d1")
    assert came.headers["idempotency-key"] == came.headers["webhook-id"] == came.json["hubbub"]["id"]
    signed = f"{came.headers['webhook-id']}.{came.headers['webhook-timestamp']}.".encode() + came.body
    expected = base64.b64encode(hmac.new(b"very secret", signed, hashlib.sha256).digest()).decode()
    assert came.headers["webhook-signature"] == f"v1,{expected}"
    assert came.headers["authorization"] == "Bearer t0ken"
    ended = receiver.came[1].json
    assert (ended["status"], ended["alerts"][0]["endsAt"]) == ("resolved", "2026-03-01T09:00:00.000000Z")


def test_alertmanager_gets_its_own_api(broker: SqliteBroker) -> None:
    with http_receiver() as receiver:
        broker.append([event("d1", labels={"site": "lab", "door-code": "\x1b[31m1"})])
        text = f'{ROUTE}[receivers.team]\nkind = "alertmanager"\nurl = "{receiver.url}/am/"\n'
        with running(broker, text):
            [came] = receiver.await_requests(1)
    [posted] = came.json
    assert came.path == "/am/api/v2/alerts"
    assert posted["labels"]["door_code"] == "[31m1"
    assert posted["annotations"] == {"summary": "d1 is too warm"}
    assert posted["startsAt"] < posted["endsAt"]


def test_a_failure_is_tried_again_as_it_was_and_shows(broker: SqliteBroker, hubbub: Hubbub) -> None:
    mended = threading.Event()
    with http_receiver(lambda came: 200 if mended.is_set() else 503) as receiver:
        broker.append([event("d1")])
        with running(broker, ROUTE + webhook(receiver)):
            assert eventually(lambda: bool(told(broker)) and told(broker)["team"].failing != [])
            answer = hubbub("notify", "status")
            assert answer.status == 1
            assert "answered 503 Service Unavailable: ok" in answer.out
            mended.set()
            receiver.await_requests(2)
            assert eventually(lambda: told(broker)["team"].delivered == 1)
    assert len({came.body for came in receiver.came}) == 1
    assert len({came.headers["idempotency-key"] for came in receiver.came}) == 1
    answer = hubbub("notify", "status", "--json")
    assert answer.status == 0
    assert json.loads(answer.out)["on_their_way"] == []


def test_one_that_hangs_delays_only_itself(broker: SqliteBroker) -> None:
    text = ROUTE + '[[route.routes]]\nreceiver = "slow"\nmatchers = ["site=lab"]\ncontinue = true\n'
    text += '[[route.routes]]\nreceiver = "team"\nmatchers = ["site=lab"]\n'
    with http_receiver() as quick, http_receiver() as slow:
        slow.answer = slow.hang
        broker.append([event("d1")])
        with running(broker, text + webhook(quick) + webhook(slow, "slow", timeout="300ms")):
            slow.await_requests(1)
            for number in range(2, 6):
                broker.append([event(f"d{number}")])
                quick.await_requests(number)
            assert eventually(lambda: bool(told(broker)["slow"].failing) and told(broker)["team"].delivered == 5)
        history = told(broker)
    assert history["slow"].failing[0]["error"] == "127.0.0.1 did not answer within 0.3 s"


def test_a_refusal_for_good_is_not_tried_again_at_once(broker: SqliteBroker) -> None:
    with http_receiver(lambda came: 400) as receiver:
        broker.append([event("d1")])
        with running(broker, ROUTE.replace('"1s"', '"1h"') + webhook(receiver)):
            assert eventually(lambda: bool(told(broker)) and told(broker)["team"].given_up != [])
    assert len(receiver.came) == 1


def test_a_silence_written_by_anybody_holds(broker: SqliteBroker) -> None:
    silence = new_silence(["device_id=d1"], now_us=0, for_us=1 << 52, by="ann")
    write_silence(broker, silence, 0)
    with http_receiver() as receiver:
        broker.append([event("d1"), event("d2")])
        with running(broker, ROUTE + webhook(receiver)):
            [came] = receiver.await_requests(1)
    assert came.json["groupLabels"] == {"device_id": "d2"}


def test_an_acknowledgement_in_an_alert_stops_the_repeats(broker: SqliteBroker) -> None:
    text = ROUTE + 'repeat_interval = "1s"\n'
    broker.create_topics([ALERTS_ACTIONS])
    write_action(broker, {"fingerprint": "f-d3", "alert_id": "a-d3"}, "acknowledge", by="ann", text="", now_us=0)
    write_action(broker, {"fingerprint": "f-d1", "alert_id": "earlier"}, "acknowledge", by="ann", text="", now_us=0)
    broker.append([event("d3")])
    with http_receiver() as receiver:
        broker.append([event("d1"), event("d2", acknowledged_at="2026-03-01T08:00:01Z")])
        with running(broker, text + webhook(receiver)):
            receiver.await_requests(5)
    reasons = [(came.json["groupLabels"]["device_id"], came.json["hubbub"]["reason"]) for came in receiver.came]
    assert reasons.count(("d2", "firing")) == 1
    assert not {("d2", "repeat"), ("d3", "repeat")} & set(reasons)
    assert ("d1", "repeat") in reasons


def test_incidents_are_told_where_they_are_asked_for(broker: SqliteBroker) -> None:
    broker.create_topics([INCIDENTS])
    incident = {
        "incident_id": "i1", "revision": 1, "site": "lab", "event_time": "2026-03-01T08:00:00Z", "state": "open",
        "severity": "critical", "probable_cause_device_id": "gw-1", "probable_cause": "it was silent first",
        "summary": "gw-1 is away, and 3 devices with it", "language": "en", "devices": ["gw-1"], "device_count": 4,
        "evidence_kinds": ["log"], "alert_ids": ["a"], "alert_count": 4, "event_count": 9, "timeline": [],
        "started_at": "2026-03-01T07:59:00Z", "opened_at": "2026-03-01T08:00:00Z", "updated_at": "2026-03-01T08:00:00Z",
    }  # fmt: skip
    with http_receiver() as receiver:
        broker.append([event("d1"), Append(INCIDENTS.name, b"i1", orjson.dumps(incident))])
        with running(broker, 'sources = ["incidents"]\n' + ROUTE + webhook(receiver)):
            [came] = receiver.await_requests(1)
            over = {**incident, "revision": 2, "state": "resolved", "resolved_at": "2026-03-01T09:00:00Z"}
            broker.append([Append(INCIDENTS.name, b"i1", orjson.dumps(over))])
            _, ended = receiver.await_requests(2)
    assert came.json["hubbub"]["title"] == "CRITICAL: gw-1 is away, and 3 devices with it"
    assert came.json["commonLabels"] == {
        "alertname": "incident", "site": "lab", "device_id": "gw-1", "severity": "critical",
    }  # fmt: skip
    assert ended.json["status"] == "resolved"


def test_each_receiver_is_told_in_its_language(broker: SqliteBroker) -> None:
    """An alert's words are the topic's; a notification's are its receiver's, whatever reads them first."""
    alert = event_of(DEFAULT_ALERT_RULES[0])
    with http_receiver() as english, http_receiver() as chinese:
        broker.append([Append(ALERTS.name, alert["fingerprint"].encode(), orjson.dumps(alert))])
        both = '[[route.routes]]\nreceiver = "team"\ncontinue = true\n[[route.routes]]\nreceiver = "duty"\n'
        with running(broker, ROUTE + both + webhook(english) + webhook(chinese, "duty", language="zh")):
            [told_english], [told_chinese] = english.await_requests(1), chinese.await_requests(1)
    [said], [said_in_chinese] = told_english.json["alerts"], told_chinese.json["alerts"]
    assert said["annotations"]["summary"] == alert["summary"] and not has_han(told_english.json["hubbub"]["title"])
    assert said_in_chinese["annotations"]["summary"].startswith(f"{alert['device_id']}：关于")
    assert told_chinese.json["hubbub"]["title"].startswith(f"紧急：{alert['device_id']}：关于")
    assert said["labels"] == said_in_chinese["labels"], "labels are what programs go by"


def start(broker: SqliteBroker, text: str) -> subprocess.Popen[bytes]:
    path = broker.path.parent / "notify.toml"
    path.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pipelines.command_line", "notify", "--file", str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HUBBUB_JOB_POLL_S": "0.05"}
    command += ["--broker", f"sqlite:{broker.path}"]
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)


def test_killed_between_sending_and_remembering_it_sends_the_same_again(broker: SqliteBroker) -> None:
    """The receiver has it, the notifier dies before it hears so: the next one sends the same words, the same key."""
    processes: list[subprocess.Popen[bytes]] = []

    def kill_the_first_two(came: Came) -> int:
        if len(receiver.came) <= 2:
            processes[-1].send_signal(signal.SIGKILL)
            processes[-1].wait()
        return 200

    with http_receiver(kill_the_first_two) as receiver:
        broker.append([event("d1")])
        for number in (1, 2):
            processes.append(start(broker, ROUTE + webhook(receiver)))
            receiver.await_requests(number)
            assert processes[-1].wait(PATIENCE_S) == -signal.SIGKILL
            broker.append([event("d1", revision=number + 1, summary="other words by now")])
        processes.append(start(broker, ROUTE + webhook(receiver)))
        receiver.await_requests(3)
        assert eventually(lambda: told(broker)["team"].delivered == 1)
        processes[-1].terminate()
        assert processes[-1].wait(PATIENCE_S) == 0
    assert len({came.headers["idempotency-key"] for came in receiver.came}) == 1
    assert len({came.body for came in receiver.came}) == 1


def test_a_second_notifier_waits_and_takes_over(broker: SqliteBroker) -> None:
    with http_receiver() as receiver:
        first = start(broker, ROUTE + webhook(receiver))
        broker.append([event("d1")])
        receiver.await_requests(1)
        with running(broker, ROUTE + webhook(receiver)) as second:
            broker.append([event("d2")])
            receiver.await_requests(2)
            assert eventually(lambda: second.is_ready)
            assert (second.is_telling, second.standing().waiting) == (False, ())
            first.kill()
            first.wait()
            broker.append([event("d3")])
            assert eventually(lambda: {d["device_id"] for d in labels(receiver)} == {"d1", "d2", "d3"})
            assert (second.is_telling, second.standing().firing) == (True, {"major": 3})
    # What had been sent and not yet remembered may come twice, but never under another key.
    keys = {(came.headers["idempotency-key"], came.json["groupLabels"]["device_id"]) for came in receiver.came}
    assert len(keys) == 3


def labels(receiver: HttpReceiver) -> list[dict[str, str]]:
    return [came.json["groupLabels"] for came in receiver.came]


def test_no_secret_reaches_a_log_or_a_topic(
    broker: SqliteBroker, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    with http_receiver(lambda came: 500) as receiver:
        broker.append([event("d1")])
        text = ROUTE + '[receivers.team]\nkind = "webhook"\nurl_env = "U"\nsecret_env = "S"\ntoken_env = "T"\n'
        secrets = {"U": f"{receiver.url}/s3cretpath", "S": "s3cretkey", "T": "s3crettoken"}
        with running(broker, text, secrets):
            assert eventually(lambda: bool(told(broker)) and told(broker)["team"].failing != [])
            said = json.dumps([one.failing for one in told(broker).values()])
    captured = capfd.readouterr()
    assert "s3cret" not in said + caplog.text + captured.out + captured.err
