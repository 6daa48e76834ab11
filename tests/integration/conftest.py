"""The command line as tests call it, in this process or as one of its own; a real Kafka for those who ask for it."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.local.kafka import LocalKafka
from pipelines.command_line import run
from tests.patience import ANSWER_S, PATIENCE_S


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from pipelines.console.console import Console
    from tests.secured_kafka import SecuredKafka

Hubbub = Callable[..., Answer]


@pytest.fixture
def hubbub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Hubbub:
    """Run `hubbub ARGUMENTS` in an empty folder; with `stdin`, as a process of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str | Path, stdin: bytes | None = None) -> Answer:
        texts = [str(one) for one in arguments]
        if stdin is not None:
            command = [sys.executable, "-m", "pipelines.command_line", *texts]
            done = subprocess.run(command, input=stdin, capture_output=True, timeout=PATIENCE_S, check=False)
            return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())
        capfd.readouterr()
        status = run(texts)
        out, err = capfd.readouterr()
        return Answer(status, out, err)

    return call


@pytest.fixture(scope="session", autouse=True)
def patience_with_kafka() -> Iterator[None]:
    """Commands, in this process or their own, wait for a broker's answer as long as tests do.

    An `append` waits until it can be read, but not for long: in this process for as long as for an answer.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUBBUB_KAFKA_REQUEST_TIMEOUT_S", str(ANSWER_S))
        patch.setattr("infra.kafka.broker._MOST_AWAITED_S", ANSWER_S)
        yield


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """One real broker for all tests of this worker; who stops or pauses it makes a LocalKafka of its own."""
    with LocalKafka(tmp_path_factory.mktemp("kafka")) as local:
        yield local


@pytest.fixture(scope="session")
def secured_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """One broker of this worker that asks for TLS, a password and rights."""
    from tests.secured_kafka import start_secured_kafka

    with start_secured_kafka(tmp_path_factory.mktemp("secured")) as one:
        yield one


@pytest.fixture
def topic_prefix() -> str:
    """What the names of this test's topics, groups and transactional ids begin with on the shared broker."""
    return f"t{uuid.uuid4().hex[:12]}."


@pytest.fixture
def troubled_site(tmp_path: Path) -> Path:
    """A broker file with what the console's pages show, dead letters and hostile text among it."""
    from tests.console_troubled_world import make_troubled_world

    make_troubled_world(tmp_path / "hubbub.db")
    return tmp_path / "hubbub.db"


@pytest.fixture
def troubled_console(troubled_site: Path) -> Iterator[tuple[TestClient, Console]]:
    """Somebody who is logged in to the console over it."""
    from tests.console_client import logged_in

    with logged_in(troubled_site) as both:
        yield both
