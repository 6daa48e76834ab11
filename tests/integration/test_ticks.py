"""Quiet partitions: deadlines fall due by ticks, the ticks are in the log, and who reads them again gets the same."""

from __future__ import annotations

import time
from pathlib import Path

import orjson

from infra.broker import Broker, TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.ticks import read_ticks
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append
from tests.jobs.counting import SILENCES
from tests.live_job import live_job

START_US = 1_772_352_000_000_000  # 2026-03-01T08:00:00Z
HOUR_US = 3_600_000_000


def line(device: str, minute: int) -> Append:
    value = {"device_id": device, "event_time": f"2026-03-01T08:{minute:02d}:00Z", "message": "here"}
    return Append("device.logs", device.encode(), orjson.dumps(value))


def said(broker: Broker) -> list[tuple[int, str, str, str]]:
    found = []
    for partition in range(8):
        for record in broker.read(TopicPartition("test.silences", partition), 0, max_records=999, max_bytes=1 << 20):
            row = orjson.loads(record.value or b"")
            event_id = dict(record.headers)["ce_hubbubid"].decode()
            found.append((partition, row["device_id"], row["state"], event_id))
    return found


def test_a_deadline_falls_due_though_nobody_writes_and_replay_reads_the_tick_again(tmp_path: Path) -> None:
    with SqliteBroker(tmp_path / "hubbub.db", clock=lambda: START_US + HOUR_US) as broker:
        broker.create_topics([DEVICE_LOGS])
        broker.append([line("d1", 0), line("d2", 1), line("d1", 2)])
        settings = JobSettings(tick_s=0.05, poll_s=0.02)
        engine = EmbeddedEngine(broker, settings, group="live", clock=lambda: START_US + HOUR_US)
        with live_job(engine, [SILENCES]) as job:
            job.await_that(lambda: "test.silences" in broker.topics() and len(said(broker)) >= 2)
            broker.append([line("d1", 30)])  # late: the tick has moved time to 08:59:50
            job.await_that(lambda: len(said(broker)) >= 4)
        first = said(broker)
        assert sorted((device, state) for _, device, state, _ in first) == [
            ("d1", "back"),
            ("d1", "silent"),
            ("d1", "silent"),  # its next minute has passed as well, by the tick
            ("d2", "silent"),
        ]
        ticks = read_ticks(broker, "live-silences")
        assert ticks
        assert read_ticks(broker, "nobody-silences") == {}
    # Another group with the same ticks and no clock of its own says the same, to the id.
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        EmbeddedEngine(broker, group="again", ticks={"silences": ticks}).run([SILENCES], until_end=True)
        twice = said(broker)
        assert sorted(twice) == sorted(first + first)


def test_a_quiet_partition_without_deadlines_is_left_alone(tmp_path: Path) -> None:
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        broker.create_topics([DEVICE_LOGS])
        with live_job(EmbeddedEngine(broker, JobSettings(tick_s=0.01, poll_s=0.01)), [SILENCES]):
            time.sleep(0.3)
        assert read_ticks(broker, "hubbub-silences") == {}
