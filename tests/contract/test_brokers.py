"""What every broker does, tried on SQLite; tests/integration/test_kafka_broker.py tries the same on a real Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.broker import Broker, TopicPartition
from infra.sqlite.broker import SqliteBroker
from schemas.alerts import ALERTS
from schemas.device_logs import DEVICE_LOGS
from schemas.devices import DEVICES
from schemas.record import Append

pytest.register_assert_rewrite("tests.broker_laws", "tests.membership_laws")
from tests.broker_laws import *  # noqa: E402, F403 - the laws are this module's tests
from tests.membership_laws import *  # noqa: E402, F403

RETENTION_US = 1_000_000


class SqliteSubject:
    """A broker file whose clock is turned by hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now_us = 1_000_000
        self.brokers: list[SqliteBroker] = []

    def open(self) -> SqliteBroker:
        broker = SqliteBroker(
            self.path, clock=lambda: self.now_us, retention_us=RETENTION_US, compaction_lag_us=RETENTION_US
        )
        self.brokers.append(broker)
        return broker

    def turn_to(self, seconds: int) -> None:
        self.now_us = seconds * 1_000_000

    def age(self, broker: Broker) -> None:
        self.now_us += 2 * RETENTION_US
        broker.maintain(self.now_us)


@pytest.fixture
def subject(tmp_path: Path) -> Iterator[SqliteSubject]:
    one = SqliteSubject(tmp_path / "hubbub.db")
    yield one
    for broker in one.brokers:
        broker.close()


def test_tombstones_go_in_the_end(subject: SqliteSubject) -> None:
    broker = subject.open()
    broker.create_topics([ALERTS])
    part = TopicPartition(ALERTS.name, 0)
    broker.append([Append(ALERTS.name, b"c", value, partition=0) for value in (b"1", None)])
    subject.age(broker)
    assert broker.read(part, 0, max_records=9, max_bytes=9999) == []
    assert broker.bounds(part)[1] == 2


def test_the_registry_of_devices_outlives_retention(subject: SqliteSubject) -> None:
    """It is said once, and holds until it is said otherwise; whoever begins later must find it."""
    broker = subject.open()
    broker.create_topics([DEVICES, DEVICE_LOGS])
    broker.append([Append(name, b"d1", b"{}", partition=0) for name in (DEVICES.name, DEVICE_LOGS.name)])
    subject.age(broker)
    assert broker.bounds(TopicPartition(DEVICES.name, 0)) == (0, 1)
    assert broker.bounds(TopicPartition(DEVICE_LOGS.name, 0)) == (1, 1)
