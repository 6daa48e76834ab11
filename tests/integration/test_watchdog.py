"""Lag by partition, and a watchdog that names what stands still, once, until it moves again."""

from __future__ import annotations

from pathlib import Path

from infra.broker import Offset, TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.lag import Lag, lags_of, standing
from pipelines.watchdog import Watchdog
from schemas.customer_messages import CUSTOMER_MESSAGES
from schemas.record import Append

SECOND_US = 1_000_000
PART = TopicPartition(CUSTOMER_MESSAGES.name, 3)
OTHER = TopicPartition(CUSTOMER_MESSAGES.name, 4)


class Clock:
    now_us = 1000 * SECOND_US

    def __call__(self) -> int:
        return self.now_us


def test_lag_is_what_waits_and_since_when(tmp_path: Path) -> None:
    clock = Clock()
    with SqliteBroker(tmp_path / "hubbub.db", clock=clock) as broker:
        broker.create_topics([CUSTOMER_MESSAGES])
        assert lags_of(broker, "g") == []
        for _ in range(3):
            broker.append([Append(PART.topic, b"d", b"{}", partition=PART.partition)])
            clock.now_us += 10 * SECOND_US
        broker.commit_offsets("g", {PART: Offset(1)})
        lags = {lag.part: lag for lag in lags_of(broker, "g")}
        assert lags[PART] == Lag(PART, 1, 2, 1010 * SECOND_US)
        assert lags[PART].seconds(clock.now_us) == 20
        assert lags[OTHER] == Lag(OTHER, 0, 0, None)
        assert lags[OTHER].seconds(clock.now_us) == 0


def test_standing_is_to_wait_for_long_and_not_to_move() -> None:
    waits, moved = Lag(PART, 5, 2, 0), Lag(OTHER, 6, 2, 0)
    before = [waits, Lag(OTHER, 5, 3, 0)]
    assert standing(before, [waits, moved], now_us=61 * SECOND_US, patience_s=60) == [waits]
    assert standing(before, [waits, moved], now_us=59 * SECOND_US, patience_s=60) == []
    assert standing([], [waits], now_us=61 * SECOND_US, patience_s=60) == []


def test_a_partition_that_stands_still_is_named_once_until_it_moves(tmp_path: Path) -> None:
    clock = Clock()
    said: list[str] = []
    with SqliteBroker(tmp_path / "hubbub.db", clock=clock) as broker:
        broker.create_topics([CUSTOMER_MESSAGES])
        broker.append([Append(PART.topic, b"d", b"{}", partition=PART.partition)] * 4)
        broker.commit_offsets("g", {PART: Offset(1)})
        dog = Watchdog(broker, ["g", "nobody"], said.append, patience_s=60)

        def look() -> int:
            clock.now_us += 30 * SECOND_US
            dog.look(clock.now_us)
            return len(said)

        assert [look() for _ in range(5)] == [0, 0, 1, 1, 1]
        assert said[0].startswith("group g stands still in customer.messages/3 at offset 1: 3 records wait, the first")
        broker.commit_offsets("g", {PART: Offset(2)})
        assert [look() for _ in range(3)] == [1, 2, 2]
        broker.commit_offsets("g", {PART: Offset(4)})
        assert [look() for _ in range(3)] == [2, 2, 2]
