"""The code and the settings of docs/subscribe.md are run as they stand."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import pytest

from infra.broker_url import open_broker
from infra.kafka.settings import KafkaSection
from infra.local.kafka import LocalKafka
from infra.secret import Secret
from infra.settings import BrokerSection
from pipelines.alert_actions import standing_of
from pipelines.notify.notify_file import Address, read_notify_file
from pipelines.notify.plan import Receiver
from pipelines.notify.receivers import Tried, sender_to
from pipelines.notify.trial import trial_notification
from schemas.alerts import ALERTS
from tests.http_receiver import http_receiver
from tests.integration.test_notifier import event
from tests.integration.test_serve_command import TOKEN, serving
from tests.patience import ANSWER_S

PAGE = (Path(__file__).parents[2] / "docs" / "subscribe.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return [piece.split("```")[0] for piece in PAGE.split(f"```{language}\n")[1:]]


def names_of(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(source, "subscribe.md", "exec"), names)
    return names


def test_each_notify_toml_is_a_good_one(tmp_path: Path) -> None:
    (tmp_path / "phone-secret").write_text("a secret")
    environment = {"TEAM_CHAT_URL": "json://127.0.0.1", "LEAD_TOKEN": "token"}
    for number, text in enumerate(blocks("toml")):
        path = tmp_path / f"{number}.toml"
        path.write_text(text, encoding="utf-8")
        plan = read_notify_file(path, environment).plan
        assert plan.route.find({"severity": "critical", "alertname": "x"})
    assert number == 1


def test_the_signature_is_checked_as_the_page_says() -> None:
    _, source, _ = blocks("python")
    is_genuine = names_of(source)["is_genuine"]
    import time

    now_s = time.time()
    with http_receiver() as receiver:
        send = sender_to(Address("webhook", Secret(receiver.url, "URL"), Secret("the secret", "SECRET")))
        notification = trial_notification(Receiver("team", "webhook"), int(now_s * 1e6))
        assert send(notification, now_s) == Tried()
        assert send(notification, now_s - 3600) == Tried()
    fresh, old = receiver.came
    assert is_genuine(fresh.headers, fresh.body, b"the secret")
    assert not is_genuine(fresh.headers, fresh.body + b" ", b"the secret")
    assert not is_genuine(fresh.headers, fresh.body, b"another")
    assert not is_genuine(old.headers, old.body, b"the secret")


def test_acknowledgements_are_joined_as_the_page_says() -> None:
    [source] = blocks("py")
    alert = {"fingerprint": "f", "alert_id": "a"}
    deeds = [("acknowledge", "ann"), ("acknowledge", "bo"), ("comment", "bo"), ("unacknowledge", "bo")]
    actions = [
        *({**alert, "alert_id": "earlier", "action": "acknowledge", "by": "eve", "event_time": "2026"},),
        *({**alert, "action": action, "by": by, "event_time": "2026"} for action, by in deeds),
    ]
    for number in range(len(actions) + 1):
        said = names_of(source)["acknowledged_by"](alert, actions[:number])
        assert said == standing_of(alert, actions[:number]).acknowledged_by


def test_the_stream_is_read_as_the_page_says(tmp_path: Path) -> None:
    *_, source = blocks("python")
    with serving(tmp_path, TOKEN) as served:
        places = "-".join("0" * ALERTS.partitions)
        served.broker.append([event("d1"), event("d2")])
        found = names_of(source)["changes"](f"http://127.0.0.1:{served.port}", TOKEN, places)
        devices = {next(found)[1]["device_id"], next(found)[1]["device_id"]}
        found.close()
    assert devices == {"d1", "d2"}


@pytest.mark.slow
def test_ten_lines_of_kafka_python_read_alerts(kafka: LocalKafka) -> None:
    source, *_ = blocks("python")
    with open_broker(BrokerSection(f"kafka://{kafka.bootstrap}"), KafkaSection(request_timeout_s=ANSWER_S)) as broker:
        broker.create_topics([ALERTS])
        one = event("d1")
        headers = (("ce_id", b"ab" * 16), ("ce_specversion", b"1.0"))
        broker.append([type(one)(one.topic, one.key, one.value, headers), type(one)(one.topic, b"gone", None)])
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        names_of(source.replace("localhost:9092", kafka.bootstrap))
    assert said.getvalue() == f"{'ab' * 16} major firing d1 is too warm\n"
