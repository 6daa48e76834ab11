"""The notifier on a real Kafka: what was decided survives a death, and the documented consumer reads what it should."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.broker import Broker
from infra.broker_url import open_broker
from infra.kafka.settings import KafkaSection
from infra.local.kafka import LocalKafka
from infra.settings import BrokerSection
from pipelines.notify.history import told
from schemas.alert_actions import ALERTS_ACTIONS
from schemas.alerts import ALERTS
from schemas.notifications import NOTIFICATIONS
from schemas.silences import SILENCES
from tests.broker_subject import eventually
from tests.http_receiver import Came, http_receiver
from tests.integration.test_notifier import ROOT, ROUTE, event, webhook
from tests.patience import ANSWER_S, PATIENCE_S


@pytest.mark.slow
def test_killed_between_sending_and_remembering_it_sends_the_same_again(
    kafka: LocalKafka, topic_prefix: str, tmp_path: Path
) -> None:
    section = KafkaSection(topic_prefix=topic_prefix, request_timeout_s=ANSWER_S, state_dir=str(tmp_path / "state"))
    url = f"kafka://{kafka.bootstrap}"
    processes: list[subprocess.Popen[bytes]] = []

    def kill_the_first(came: Came) -> int:
        if len(receiver.came) == 1:
            processes[-1].send_signal(signal.SIGKILL)
            processes[-1].wait()
        return 200

    def start() -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "HUBBUB_KAFKA_TOPIC_PREFIX": topic_prefix}
        environment |= {"HUBBUB_KAFKA_STATE_DIR": section.state_dir, "HUBBUB_KAFKA_SESSION_TIMEOUT_S": "6"}
        command = [sys.executable, "-m", "pipelines.command_line", "notify", "--broker", url]
        processes.append(subprocess.Popen(command, env=environment, cwd=tmp_path))

    with http_receiver(kill_the_first) as receiver, open_broker(BrokerSection(url), section) as broker:
        broker.create_topics([ALERTS, ALERTS_ACTIONS, SILENCES, NOTIFICATIONS])
        (tmp_path / "notify.toml").write_text(ROUTE + webhook(receiver))
        broker.append([event("d1")])
        start()
        receiver.await_requests(1)
        assert processes[-1].wait(PATIENCE_S) == -signal.SIGKILL
        broker.append([event("d1", revision=2, summary="other words by now"), event("d2")])
        start()
        assert eventually(lambda: delivered(broker) == 2)
        processes[-1].terminate()
        assert processes[-1].wait(PATIENCE_S) == 0
    keys = [(came.json["groupLabels"]["device_id"], came.headers["idempotency-key"]) for came in receiver.came]
    assert len(keys) == 3
    assert len(set(keys)) == 2
    again = [came.body for came in receiver.came if came.json["groupLabels"]["device_id"] == "d1"]
    assert again[0] == again[1]


def delivered(broker: Broker) -> int:
    history = told(broker)
    return history["team"].delivered if "team" in history else 0
