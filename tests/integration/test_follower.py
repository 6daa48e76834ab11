"""What `hubbub serve` and `hubbub console` follow by: an outage is waited for, any other trouble ends it loudly."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from infra.broker import BrokerRefused, BrokerUnavailable
from infra.sqlite.broker import SqliteBroker
from pipelines.serve.board import Board
from pipelines.serve.follower import Follower
from schemas.alerts import ALERTS
from tests.broker_subject import eventually
from tests.console_world import alert, appended
from tests.patience import PATIENCE_S


@pytest.fixture
def broker(tmp_path: Path) -> SqliteBroker:
    made = SqliteBroker(tmp_path / "hubbub.db")
    made.create_topics([ALERTS])
    return made


def test_an_outage_is_waited_for(broker: SqliteBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.serve.follower.AWAY_S", 0.02)
    asked, back, plain = threading.Event(), threading.Event(), broker.ends

    def ends(topics: list[str]) -> object:
        asked.set()
        if not back.is_set():
            raise BrokerUnavailable("the disk is full")
        return plain(topics)

    monkeypatch.setattr(broker, "ends", ends)
    board = Board()
    follower = Follower(broker, 0.02, board.follows())
    follower.start()
    assert asked.wait(PATIENCE_S)
    assert not follower.caught_up.is_set()
    broker.append([appended(ALERTS.name, "f-1", alert("1"))])
    back.set()
    assert eventually(lambda: board.alert("f-1") is not None)
    assert follower.is_well()
    follower.stop()
    broker.close()


def test_what_ends_it_is_raised_where_somebody_hears_it(broker: SqliteBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    def ends(topics: list[str]) -> object:
        raise BrokerRefused("the password was changed")

    monkeypatch.setattr(broker, "ends", ends)
    follower = Follower(broker, 0.02, Board().follows())
    follower.start()
    assert eventually(lambda: not follower.is_well())
    with pytest.raises(BrokerRefused, match="the password was changed"):
        follower.stop()
    broker.close()
