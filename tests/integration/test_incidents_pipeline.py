"""Alerts become incidents: the same ones whoever reads first, however steps are cut, at once or bit by bit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import orjson
import pytest

from infra.broker import TopicPartition
from infra.partitioner import partition_of_key
from infra.sqlite.broker import SqliteBroker
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.graph import topics_of
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.place import place_of
from pipelines.engines.upstream_time import has_come_as_far
from pipelines.pipeline import Pipeline
from pipelines.shipped.alerts import alerts
from pipelines.shipped.incidents import incidents
from pipelines.shipped.sites import sites
from schemas.alerts_by_site import ALERTS_BY_SITE
from schemas.devices import DEVICES
from schemas.incidents import INCIDENTS
from schemas.record import Append
from schemas.ticks import TICKS
from schemas.topic import Topic
from tests.live_job import live_job
from tests.site_rows import time_of

SEED = 20261122
CLOSING_US = 1_772_409_600_000_000  # 2026-03-02
CHAIN = (alerts(), sites(), incidents())


def place(device: str, site: str | None, since: str = "2026-01-01T00:00:00Z", upstream: str | None = None) -> Append:
    row = {"device_id": device, "valid_from": since, "site": site, "room": None, "upstream_device_id": upstream}
    return Append("devices", device.encode(), orjson.dumps(row))


def events(rng: Random) -> list[Append]:
    """Alarms and messages, understood, of two sites and of a device in none, each device in order of time."""
    found = []
    for number in range(160):
        device = rng.choice(["gate", "cam", "lamp", "pump", "valve", "stray"])
        minute = number * 1.7
        asks = {"input": {"event_id": f"{number:032x}"}, "late": False}
        row = {"device_id": device, "event_time": time_of(minute)}
        if rng.random() < 0.6:
            clear = rng.random() < 0.4
            severity = "cleared" if clear else rng.choice(["minor", "major", "indeterminate"])
            row |= {"code": f"C{number % 3}", "text": "down", "perceived_severity": severity}
            row |= {"state": "clear" if clear else "raise"}
            asks |= {"category": {"label": rng.choice(["network", "power"]), "score": 0.9, "model": "m"}}
            topic = "alarms.enriched"
        else:
            row |= {"text": "no network", "channel": "app", "language": "en"}
            for name, label in (("sentiment", "negative"), ("topic", "connectivity"), ("urgency", "high")):
                asks |= {name: {"label": label, "score": 0.9, "model": "m"}}
            topic = "customer.messages.enriched"
        found.append(Append(topic, device.encode(), orjson.dumps(row | {"hubbub": asks})))
    return found


REGISTRY = [
    place("gate", "north"),
    place("cam", "north", upstream="gate"),
    place("lamp", "north", upstream="gate"),
    place("pump", "south"),
    place("valve", "south"),
    place("valve", "north", time_of(120), upstream="gate"),
]


def written(broker: SqliteBroker, topic: Topic = INCIDENTS) -> list[tuple[bytes | None, bytes | None]]:
    """Everything in a topic, partition by partition, in its order."""
    found = []
    for number in range(topic.partitions):
        part = TopicPartition(topic.name, number)
        first, end = broker.bounds(part)
        while first < end:
            records = broker.read(part, first, max_records=500, max_bytes=8 << 20)
            found += [(record.key, record.value) for record in records]
            first = records[-1].offset + 1
    return sorted(found, key=str)


def job(broker: SqliteBroker, pipelines: Sequence[Pipeline], batch: int, *, until_end: bool = True) -> None:
    EmbeddedEngine(broker, JobSettings(batch_records=batch, tick_s=None)).run(pipelines, until_end=until_end)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[bytes | None, bytes | None]]:
    with SqliteBroker(tmp_path_factory.mktemp("expected") / "hubbub.db") as broker:
        broker.create_topics(topics_of(CHAIN))
        broker.append([*REGISTRY, *events(Random(SEED))])
        job(broker, CHAIN, 2000)
        return written(broker)


def test_there_are_incidents_of_both_sites_and_of_the_stray(expected: list[tuple[bytes | None, bytes | None]]) -> None:
    rows = [orjson.loads(value or b"") for _, value in expected]
    assert {row["site"] for row in rows} == {"north", "south", "stray"}
    assert {row["state"] for row in rows} >= {"open", "updated"}
    moved = [row["opened_at"] for row in rows if row["site"] == "south" and "valve" in row["devices"]]
    assert all(opened < time_of(120 + 60) for opened in moved), "the valve stands in the north from then on"


@pytest.mark.parametrize("batch", [1, 7])
def test_where_steps_are_cut_changes_nothing(
    tmp_path: Path, expected: list[tuple[bytes | None, bytes | None]], batch: int
) -> None:
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        broker.create_topics(topics_of(CHAIN))
        broker.append([*REGISTRY, *events(Random(SEED))])
        job(broker, CHAIN, batch)
        assert written(broker) == expected


def test_who_reads_first_changes_nothing(tmp_path: Path, expected: list[tuple[bytes | None, bytes | None]]) -> None:
    """Each pipeline alone, and the topic of messages before that of alarms: rows lie in another order."""
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        broker.create_topics(topics_of(CHAIN))
        rows = events(Random(SEED))
        broker.append([*REGISTRY, *(row for row in rows if row.topic.startswith("customer"))])
        job(broker, CHAIN[:1], 3)
        broker.append([row for row in rows if row.topic.startswith("alarms")])
        for pipeline in CHAIN:
            job(broker, [pipeline], 50)
        assert written(broker) == expected


def test_a_table_is_read_before_anything_is_released(tmp_path: Path) -> None:
    """Alerts have come far before the registry is read, a line at a time: each still finds its device's place."""
    days = [f"2025-{month:02d}-{day:02d}T00:00:00Z" for month in range(1, 11) for day in range(1, 29)]
    told = [place("cam", "old", day) for day in days]  # more lines than the device has alerts
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        broker.create_topics(topics_of(CHAIN))
        broker.append([*told, *REGISTRY, *events(Random(SEED)), *closing("cam")])
        job(broker, CHAIN[:1], 500)
        job(broker, CHAIN[1:2], 1)
        rows = [orjson.loads(value or b"") for _, value in written(broker, ALERTS_BY_SITE)]
        assert {row["site"] for row in rows if row.get("alert_id")} == {"north", "south", "stray"}
        assert not _ticks(broker) or all(row["topic"] != DEVICES.name for row in _ticks(broker))


def test_time_goes_down_the_chain_to_its_end(tmp_path: Path) -> None:
    """A run to the end leaves no pipeline behind the time of those before it, though there be nothing to read."""
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        broker.create_topics(topics_of(CHAIN))
        broker.append([*REGISTRY, *events(Random(SEED)), *closing("gate")])
        job(broker, CHAIN, 7)
        lateness_us = JobSettings().rules.lateness_us
        number = partition_of_key(b"gate", DEVICES.partitions)
        frontiers = [
            place_of(broker.places("hubbub-sites")[TopicPartition(topic.name, number)], 0)[1]
            for topic in CHAIN[1].sources
        ]
        assert frontiers == [CLOSING_US - lateness_us] * 2
        assert has_come_as_far(broker, "hubbub", CHAIN[2], lateness_us)


def closing(device: str) -> list[Append]:
    """A row in each topic that raises nothing, hours behind everything else."""
    row = {"device_id": device, "event_time": "2026-03-02T00:00:00Z", "metric": "t", "value": 1.0, "state": "clear"}
    asks = {"input": {"event_id": "f" * 32}, "late": False}
    return [
        Append(
            topic.name,
            device.encode(),
            orjson.dumps({name: value for name, value in row.items() if name in topic.schema.names} | {"hubbub": asks}),
        )
        for topic in CHAIN[0].sources
    ]


def test_a_live_job_tells_of_incidents_though_most_topics_are_quiet(tmp_path: Path) -> None:
    """Nothing ever comes in two of the topics, so time is moved by a tick, once everything is worked through."""
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        broker.create_topics(topics_of(CHAIN))
        with live_job(EmbeddedEngine(broker, JobSettings(tick_s=0.2, poll_s=0.02)), CHAIN) as job:
            broker.append([place("gate", "north"), *events(Random(SEED))[:40]])
            job.await_that(lambda: bool(written(broker)))
            first = written(broker)
            # The registry says more when time has gone on: it holds from then on, and a tick says so.
            broker.append([place("gate", "south", time_of(1))])
            job.await_that(lambda: any(row["topic"] == "devices" for row in _ticks(broker)))
        assert all(orjson.loads(value or b"")["site"] != "south" for _, value in first)


def _ticks(broker: SqliteBroker) -> list[dict[str, object]]:
    found = []
    for number in range(TICKS.partitions):
        part = TopicPartition(TICKS.name, number)
        found += [orjson.loads(one.value or b"") for one in broker.read(part, 0, max_records=999, max_bytes=1 << 20)]
    return found
