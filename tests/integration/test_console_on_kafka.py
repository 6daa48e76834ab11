"""`hubbub console` on a real Kafka, beside `hubbub run`: what the job raises is shown, acted on, and told live."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
import re2

from infra.broker import Broker, TopicPartition
from infra.broker_url import open_broker
from infra.kafka.settings import KafkaSection
from infra.local.kafka import LocalKafka
from infra.settings import BrokerSection
from pipelines.engines.graph import topics_of
from pipelines.seen_event import time_text
from pipelines.shipped.alerts import alerts
from pipelines.shipped.incidents import incidents
from pipelines.shipped.sites import sites
from schemas.alert_actions import ALERTS_ACTIONS
from schemas.alert_feedback import ALERTS_FEEDBACK
from schemas.record import Append
from schemas.silences import SILENCES
from schemas.topic import Topic
from tests.broker_subject import all_records, eventually
from tests.integration.test_console_command import FORM, line_that_begins
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "pipelines.command_line"]
TOKEN = "a-token-of-some-length"
PAGES = (
    "/alerts",
    "/incidents",
    "/silences",
    "/devices",
    "/devices/gate",
    "/topics",
    "/topics/alerts",
    "/dead-letters",
)


class Browser:
    """Somebody who is logged in, by plain HTTP."""

    def __init__(self, address: str) -> None:
        url = urlsplit(address)
        self.host, self.port = str(url.hostname), int(url.port or 0)
        self.cookie = ""
        status, headers, _ = self.ask("POST", "/login", {"token": TOKEN, "name": "ann"})
        assert status == 303
        self.cookie = headers["set-cookie"].partition(";")[0]

    def ask(self, method: str, path: str, fields: dict[str, str] | None = None) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE_S)
        body = None if fields is None else urlencode(fields)
        connection.request(method, path, body, {"Cookie": self.cookie, **(FORM if body is not None else {})})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text

    def page(self, path: str) -> str:
        status, _, text = self.ask("GET", path)
        assert status == 200, (path, text)
        return text

    def post(self, page: str, path: str, **fields: str) -> None:
        """Send a form of a page, as a browser would."""
        found = re2.search(r'name="csrf" value="([^"]+)"', self.page(page))
        assert found is not None
        status, _, text = self.ask("POST", path, {"csrf": found.group(1), **fields})
        assert status == 303, text

    def live(self) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE_S)
        connection.request("GET", "/live", headers={"Cookie": self.cookie})
        return connection.getresponse()


def alarm(device: str, number: int, severity: str = "critical") -> Append:
    """An alarm of now, as the pipeline `alarms` writes it."""
    row = {"device_id": device, "event_time": time_text(time.time_ns() // 1000), "code": "E7", "text": "uplink lost"}
    answers = {"input": {"event_id": f"{number:032x}"}, "late": False}
    answers |= {"category": {"label": "network", "score": 0.9, "model": "m"}}
    row |= {"state": "raise", "perceived_severity": severity}
    return Append("alarms.enriched", device.encode(), orjson.dumps({**row, "hubbub": answers}))


def place(device: str, upstream: str | None) -> Append:
    row = {"device_id": device, "valid_from": "2026-01-01T00:00:00Z", "site": "lab", "upstream_device_id": upstream}
    return Append("devices", device.encode(), orjson.dumps(row))


def written(broker: Broker, topic: Topic) -> list[dict[str, Any]]:
    parts = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
    return [orjson.loads(one.value or b"") for part in parts for one in all_records(broker, part)]


@contextmanager
def command(folder: Path, environment: dict[str, str], *arguments: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Run a command until the block ends; gives it and the file that it speaks into."""
    said = folder / f"{arguments[0]}.log"
    with said.open("w") as log:
        process = subprocess.Popen([*PROGRAM, *arguments], cwd=folder, env=environment, stderr=log, text=True)
    try:
        yield process, said
        process.terminate()
        assert process.wait(PATIENCE_S) == 0, said.read_text()
    finally:
        process.kill()
        process.wait(PATIENCE_S)


def test_what_the_job_raises_is_shown_acted_on_and_told_live(
    kafka: LocalKafka, topic_prefix: str, tmp_path: Path
) -> None:
    state = str(tmp_path / "state")
    section = KafkaSection(
        topic_prefix=topic_prefix, state_dir=state, request_timeout_s=60.0, transaction_timeout_s=60.0
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HUBBUB_BROKER_URL": f"kafka://{kafka.bootstrap}",
        "HUBBUB_KAFKA_TOPIC_PREFIX": topic_prefix,
        "HUBBUB_KAFKA_STATE_DIR": state,
        "HUBBUB_KAFKA_REQUEST_TIMEOUT_S": "60",
        "HUBBUB_KAFKA_TRANSACTION_TIMEOUT_S": "60",
        "HUBBUB_JOB_LATENESS_S": "0.5",
        "HUBBUB_JOB_TICK_S": "0.5",
        "HUBBUB_CONSOLE_TOKEN": TOKEN,
    }
    with open_broker(BrokerSection(f"kafka://{kafka.bootstrap}"), section) as broker:
        chain = [alerts(), sites(), incidents()]
        broker.create_topics([*topics_of(chain), ALERTS_ACTIONS, ALERTS_FEEDBACK, SILENCES])
        broker.append([place("gate", None), place("cam", "gate"), place("lamp", "gate")])
        broker.append([alarm("gate", 1), alarm("cam", 2, "minor")])
        with (
            command(tmp_path, environment, "run", "alerts", "incidents"),
            command(tmp_path, environment, "console", "--port", "0") as (console, said),
        ):
            assert eventually(lambda: "console is at" in said.read_text() or console.poll() is not None)
            browser = Browser(said.read_text().split("console is at ", 1)[1].split(";", 1)[0])
            assert eventually(lambda: "2 open alerts" in browser.page("/alerts"))
            assert eventually(lambda: "1 open incident<" in browser.page("/incidents"))
            incident = re2.search(r'href="(/incidents/[0-9a-f]{32})"', browser.page("/incidents"))
            assert incident is not None
            told = browser.page(incident.group(1))
            assert "Network trouble at lab" in told and "uplink lost" in told
            assert all(browser.page(path) for path in PAGES)

            listed = browser.page("/alerts?device=gate")
            address = re2.search(r'class="what"><a href="(/alerts/[0-9a-f]+)"', listed)
            assert address is not None and "gate: alarm E7: uplink lost" in listed
            page = address.group(1)
            assert "uplink lost" in browser.page(page)

            stream = browser.live()
            line_that_begins(stream, b"event: hello")
            browser.post(page, f"{page}/acknowledge", text="on my way")
            while b"alerts.actions" not in line_that_begins(stream, b"data:").split():
                pass
            browser.post(page, f"{page}/silence", **{"for": "2h", "text": "new router", "label.device_id": "on"})
            browser.post(page, f"{page}/wrong", text="a drill", should_be="normal")
            shown = browser.page(page)
            for words in ("Acknowledged by ann", "on my way", "Silenced until", "ann says: wrong", "a drill"):
                assert words in shown, words
            assert "new router" in browser.page("/silences")
            assert [one["action"] for one in written(broker, ALERTS_ACTIONS)] == ["acknowledge", "wrong"]
            [verdict] = written(broker, ALERTS_FEEDBACK)
            assert (verdict["verdict"], verdict["should_be"], verdict["device_id"]) == ("wrong", "normal", "gate")
            assert [one["matchers"] for one in written(broker, SILENCES)] == [['device_id="gate"']]

            broker.append([alarm("lamp", 3)])
            while b"alerts" not in line_that_begins(stream, b"data:").split():
                pass
            assert eventually(lambda: "3 open alerts" in browser.page("/alerts"))
            assert "uplink lost" in browser.page("/devices/lamp")
            stream.close()
