"""A console in this process, and somebody who is logged in to it: what tests of its pages use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from infra.broker import Broker, TopicPartition
from infra.secret import Secret
from infra.settings import Settings
from infra.sqlite.broker import SqliteBroker
from pipelines.alert_rules.rule_file import read_rules
from pipelines.console.app import make_console
from pipelines.console.console import Boards, Console
from schemas.alerts import ALERTS
from schemas.record import Record
from tests.patience import PATIENCE_S

TOKEN = "a-token-of-some-length"
SITE = "http://127.0.0.1:8585"


@contextmanager
def a_console(broker_file: Path, settings: Settings | None = None) -> Iterator[Console]:
    """Give a console over a broker's file, its followers caught up with what is there."""
    settings = settings or Settings()
    with SqliteBroker(broker_file) as following, SqliteBroker(broker_file) as opened:
        opened.create_topics([ALERTS])
        boards = Boards()
        follower = boards.followed(following, 0.02)
        follower.start()
        assert follower.caught_up.wait(PATIENCE_S)
        stopping = threading.Event()
        console = Console(opened, boards, follower, settings, read_rules(None), Secret(TOKEN, "test"), stopping)
        try:
            yield console
        finally:
            stopping.set()
            follower.stop()
            console.drift.close()


def anybody(console: Console) -> TestClient:
    """Return a browser that is not logged in; it follows no redirect by itself."""
    return TestClient(make_console(console), base_url=SITE, follow_redirects=False)


@contextmanager
def logged_in(
    broker_file: Path, *, language: str = "en", settings: Settings | None = None
) -> Iterator[tuple[TestClient, Console]]:
    """Give a logged-in browser and its console. `post` needs the session's `csrf`: `csrf_of(client, console)`."""
    with a_console(broker_file, settings) as console, anybody(console) as client:
        client.headers["accept-language"] = language
        client.headers["accept"] = "text/html"
        answer = client.post("/login", data={"token": TOKEN, "name": "ann"})
        assert answer.status_code == 303, answer.text
        yield client, console


def csrf_of(client: TestClient, console: Console) -> str:
    """Return what each form of this browser must bring in its field `csrf`."""
    session = console.sessions.find(client.cookies[console.cookie])
    assert session is not None
    return session.csrf


@contextmanager
def reads_of(broker: Broker) -> Iterator[list[int]]:
    """Give a list that grows with each read of records from this broker: how many came."""
    reads: list[int] = []
    read = broker.read

    def counted(part: TopicPartition, offset: int, *, max_records: int, max_bytes: int) -> list[Record]:
        found = read(part, offset, max_records=max_records, max_bytes=max_bytes)
        reads.append(len(found))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(broker, "read", counted)
        yield reads
