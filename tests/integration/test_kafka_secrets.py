"""A canary for a password (S3): it reaches the broker, and no log, help, list of processes, repr, pickle or file."""

from __future__ import annotations

import base64
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from apache_beam.internal import cloudpickle_pickler

from infra.kafka.connection import KafkaConnection
from infra.settings import load_settings
from pipelines.engines.graph import topics_of
from schemas.record import Append
from tests.integration.conftest import Hubbub
from tests.jobs.counting import COUNTS
from tests.patience import PATIENCE_S
from tests.secured_kafka import Right, SecuredKafka, set_rights

ROOT = Path(__file__).parents[2]
RIGHT, WRONG = "plain-password", "canary-7f3a9c"
# Every log at its loudest, as somebody who looks for a fault sets it.
LOUD = (
    "import logging, sys; logging.basicConfig(level=logging.NOTSET); "
    "from pipelines.command_line import main; main(sys.argv[1:])"
)


def traces(password: str) -> list[bytes]:
    """Return the forms in which a password may be written down."""
    plain = password.encode()
    return [plain, base64.b64encode(plain), plain.hex().encode(), base64.b64encode(b"\0plain\0" + plain)]


def hits(content: bytes, password: str) -> list[bytes]:
    return [trace for trace in traces(password) if trace in content]


@dataclass(frozen=True)
class Said:
    """What a command printed and logged, and what the list of processes showed meanwhile."""

    status: int
    printed: bytes
    listed: bytes


@pytest.fixture
def loud(secured_kafka: SecuredKafka, topic_prefix: str, tmp_path: Path) -> Iterator[object]:
    """Run a command as the user `plain`, by the mechanism that sends the password as it is, with every log on."""
    set_rights(
        secured_kafka.kafka,
        "plain",
        [Right("ALL", kind, topic_prefix, prefixed=True) for kind in ("TOPIC", "GROUP", "TRANSACTIONAL_ID")],
    )

    def run(password: str, *arguments: str) -> Said:
        variables = {
            "HUBBUB_BROKER_URL": secured_kafka.url,
            "HUBBUB_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "HUBBUB_KAFKA_SASL_MECHANISM": "PLAIN",
            "HUBBUB_KAFKA_USERNAME": "plain",
            "HUBBUB_KAFKA_PASSWORD": password,
            "HUBBUB_KAFKA_SSL_CAFILE": str(secured_kafka.authority.file),
            "HUBBUB_KAFKA_TOPIC_PREFIX": topic_prefix,
            "HUBBUB_DEBUG": "1",
            "PYTHONPATH": str(ROOT),
        }
        listed: list[bytes] = []
        done = threading.Event()

        def list_processes() -> None:
            while not done.wait(0.3):
                listed.append(subprocess.run(["ps", "-ewwo", "args"], capture_output=True, check=True).stdout)

        watching = threading.Thread(target=list_processes)
        watching.start()
        try:
            command = [sys.executable, "-W", "ignore", "-c", LOUD, *arguments]
            ended = subprocess.run(
                command,
                cwd=tmp_path,
                env={**os.environ, **variables},
                capture_output=True,
                timeout=PATIENCE_S,
                check=False,
            )
        finally:
            done.set()
            watching.join()
        return Said(ended.returncode, ended.stdout + ended.stderr, b"".join(listed))

    yield run


@pytest.mark.parametrize("engine", ["embedded", "faust", "beam"])
def test_a_job_leaves_no_trace_of_the_password(
    loud: object, secured_kafka: SecuredKafka, topic_prefix: str, tmp_path: Path, engine: str
) -> None:
    assert callable(loud)
    with secured_kafka.open("admin", topic_prefix=topic_prefix) as broker:
        broker.create_topics(topics_of([COUNTS]))
        broker.append([Append("device.logs", b"d", value) for value in (b'{"message": "hello"}', b"{")])
    said = loud(RIGHT, "run", "tests.jobs.counting:COUNTS", "--until-end", "--engine", engine)
    assert said.status == 0, said.printed[-3000:]
    assert b"DEBUG" in said.printed and b"1 dead letters" in said.printed
    assert hits(said.printed, RIGHT) == []
    assert b"tests.jobs.counting:COUNTS" in said.listed
    assert hits(said.listed, RIGHT) == []
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in left if hits(path.read_bytes(), RIGHT)] == []


@pytest.mark.parametrize("arguments", [["topics", "list"], ["doctor"], ["run", "tests.jobs.counting:COUNTS"]])
def test_a_refused_password_is_not_repeated(loud: object, arguments: list[str]) -> None:
    assert callable(loud)
    said = loud(WRONG, *arguments)
    assert said.status != 0
    assert b"user 'plain' (PLAIN)" in said.printed
    assert hits(said.printed + said.listed, WRONG) == []


def test_help_shows_no_setting_s_value(hubbub: Hubbub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBBUB_KAFKA_PASSWORD", WRONG)
    for command in ([], ["run"], ["topics", "list"], ["dev", "kafka"]):
        assert WRONG not in hubbub(*command, "--help").out


def test_no_repr_and_no_pickle_carries_it(secured_kafka: SecuredKafka, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(WRONG + "\n")
    environment = {"HUBBUB_KAFKA_PASSWORD": WRONG, "HUBBUB_KAFKA_OAUTH_TOKEN": WRONG}
    for held in (environment, {"HUBBUB_KAFKA_PASSWORD_FILE": str(secret)}):
        values = {
            "HUBBUB_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "HUBBUB_KAFKA_USERNAME": "plain",
            "HUBBUB_KAFKA_SSL_CAFILE": str(secured_kafka.authority.file),
        }
        settings = load_settings(environment={**values, **held}, directory=tmp_path)
        connection = KafkaConnection.of("kafka://127.0.0.1:9092", settings.kafka)
        assert connection.password() == WRONG
        for thing in (settings, settings.kafka, connection):
            assert WRONG not in f"{thing} {thing!r}"
        for thing in (settings, settings.kafka):
            for content in (pickle.dumps(thing), cloudpickle_pickler.dumps(thing)):
                assert hits(content, WRONG) == []
