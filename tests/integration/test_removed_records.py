"""What a job does whose place in a topic is no longer there (R36): it says so and stops, unless told to go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from kafka.admin import KafkaAdminClient
from kafka.structs import TopicPartition as KafkaPart

from infra.broker import Broker, BrokerMismatch, Offset, TopicPartition
from infra.local.kafka import LocalKafka
from infra.sqlite.broker import SqliteBroker
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.graph import topics_of
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.place import Place
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append
from tests.jobs.fragile import COPIES, COPY
from tests.patience import ADMIN
from tests.patient_kafka import patient_broker

SETTINGS = JobSettings()
GROUP = "hubbub-copy"


def line(number: int) -> Append:
    row = {"device_id": "d1", "event_time": "2026-03-01T08:00:00Z", "message": f"line {number}"}
    return Append(DEVICE_LOGS.name, b"d1", orjson.dumps(row))


def copied(broker: Broker) -> list[str]:
    parts = [TopicPartition(COPIES.name, number) for number in range(COPIES.partitions)]
    records = [one for part in parts for one in broker.read(part, 0, max_records=999, max_bytes=1 << 20)]
    return [orjson.loads(one.value or b"")["message"] for one in records]


def work(broker: Broker, settings: JobSettings = SETTINGS) -> None:
    EmbeddedEngine(broker, settings).run([COPY], until_end=True)


def some_are_removed(broker: Broker, remove: Callable[[], None], caplog: pytest.LogCaptureFixture) -> None:
    """Three lines are read and five are not when all eight go; then two more come."""
    broker.create_topics(topics_of([COPY]))
    broker.append([line(number) for number in range(3)])
    work(broker)
    broker.append([line(number) for number in range(3, 8)])
    remove()
    broker.append([line(8), line(9)])
    with pytest.raises(BrokerMismatch, match=rf"{GROUP} goes on at offset 3, but all before \d+ was removed"):
        work(broker)
    assert "line 8" not in copied(broker)
    work(broker, replace(SETTINGS, skip_removed=True))
    assert copied(broker)[-2:] == ["line 8", "line 9"]
    assert any("goes on without" in record.message for record in caplog.records)
    caplog.clear()
    # What was read may go, and the marker of its transaction with it: nobody misses it.
    remove()
    work(broker)
    assert not caplog.records


def test_removed_from_a_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    now_us = [1_772_352_000_000_000]

    def remove() -> None:
        now_us[0] += 10**9
        broker.maintain(now_us[0])

    with SqliteBroker(tmp_path / "hubbub.db", clock=lambda: now_us[0], retention_us=10**6) as broker:
        some_are_removed(broker, remove, caplog)


def test_removed_from_kafka(
    kafka: LocalKafka, topic_prefix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def remove() -> None:
        admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap, **ADMIN)
        parts = [KafkaPart(f"{topic_prefix}{DEVICE_LOGS.name}", number) for number in range(DEVICE_LOGS.partitions)]
        try:
            admin.delete_records(dict.fromkeys(parts, -1))
        finally:
            admin.close()

    with patient_broker(kafka, topic_prefix, tmp_path / "state") as broker:
        # The place behind three records is that of their transaction's marker.
        some_are_removed(broker, remove, caplog)


def test_a_topic_that_was_made_anew_is_not_taken_for_one_that_is_read(tmp_path: Path) -> None:
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        broker.create_topics(topics_of([COPY]))
        broker.append([line(0)])
        [part] = [
            part
            for number in range(DEVICE_LOGS.partitions)
            if broker.bounds(part := TopicPartition(DEVICE_LOGS.name, number)) == (0, 1)
        ]
        broker.commit_offsets(GROUP, {part: Place(1000).to_offset()})
        with pytest.raises(BrokerMismatch, match="goes on at offset 1000, but the last record lies before 1"):
            work(broker)
        broker.commit_offsets(GROUP, {part: Offset(0, Place(0).to_offset().note)})
        work(broker)
        assert copied(broker) == ["line 0"]
