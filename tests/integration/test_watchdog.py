"""Lag by partition, and a watchdog that names what stands still, once, until it moves again."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import orjson

from infra.broker import Offset, TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.graph import topics_of
from pipelines.engines.job_settings import JobSettings
from pipelines.lag import Lag, lags_of, standing
from pipelines.pipeline import Pipeline
from pipelines.shipped.alerts import alerts
from pipelines.shipped.sites import sites
from pipelines.watchdog import Watchdog, waiting_for_others
from schemas.alerts_by_site import ALERTS_BY_DEVICE
from schemas.answers import ALARMS_ENRICHED
from schemas.catalog import ENRICHED
from schemas.customer_messages import CUSTOMER_MESSAGES
from schemas.record import Append
from tests.live_job import live_job

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


def test_who_waits_for_the_time_of_others_does_not_stand(tmp_path: Path) -> None:
    """What was raised last waits for time to go on; once it has, and nobody works on it, it stands."""
    said: list[str] = []
    chain = [alerts(), sites()]
    lateness_us = JobSettings().rules.lateness_us

    def run(pipelines: list[Pipeline], holds: Callable[[], bool]) -> None:
        with live_job(EmbeddedEngine(broker, JobSettings(tick_s=None)), pipelines) as job:
            job.await_that(holds)

    def written() -> int:
        return sum(broker.bounds(TopicPartition(topic.name, n))[1] for topic, n in BY_DEVICE)

    def waiting(group: str = "hubbub-sites") -> int:
        return sum(lag.records for lag in lags_of(broker, group))

    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        broker.create_topics(topics_of(chain))
        waits = waiting_for_others(broker, "hubbub", chain, lateness_us)
        dog = Watchdog(broker, ["hubbub-alerts", "hubbub-sites"], said.append, patience_s=60, waits=waits)
        strict = Watchdog(broker, ["hubbub-alerts", "hubbub-sites"], said.append, patience_s=60)
        later = time.time_ns() // 1000
        broker.append([*alarm(1, "08:00:00"), *alarm(2, "08:00:09"), *alarm(3, "08:00:12")])
        run(chain, lambda: (written(), waiting("hubbub-alerts"), waiting()) == (3, 0, 2))
        for _ in range(3):
            later += 120 * SECOND_US
            dog.look(later)
        assert said == []
        strict.look(later)
        strict.look(later + SECOND_US)
        assert [one.split()[:4] for one in said] == [["group", "hubbub-sites", "stands", "still"]]
        said.clear()
        broker.append(alarm(4, "09:00:00"))
        run(chain[:1], lambda: (written(), waiting("hubbub-alerts")) == (4, 0))
        dog.look(later)
        dog.look(later + SECOND_US)
        assert [one.split()[:4] for one in said] == [["group", "hubbub-sites", "stands", "still"]]


BY_DEVICE = [(ALERTS_BY_DEVICE, number) for number in range(ALERTS_BY_DEVICE.partitions)]


def alarm(number: int, clock: str) -> list[Append]:
    """An alarm of one device; the other topics that raise alerts have come as far."""
    row = {"device_id": "d", "event_time": f"2026-03-01T{clock}Z", "code": f"E{number}", "text": "stopped"}
    row |= {"state": "raise", "perceived_severity": "major"}
    quiet = {"device_id": "d", "event_time": row["event_time"], "metric": "t", "value": 1.0, "message": "fine"}
    asks = {"input": {"event_id": f"{number:032x}"}, "late": False}
    found: list[tuple[str, dict[str, object]]] = [(ALARMS_ENRICHED.name, {**row})]
    found += [(topic.name, {**quiet, "text": "fine"}) for topic in ENRICHED if topic.name != ALARMS_ENRICHED.name]
    return [Append(topic, b"d", orjson.dumps({**one, "hubbub": asks})) for topic, one in found]
