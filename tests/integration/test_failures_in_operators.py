"""One bad row costs one row: raising, row errors, a row that kills the process, and outages that must lose nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import orjson
import pyarrow as pa
import pytest

from infra.broker import Broker, TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.isolation import OperatorFailed
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.state_rows import BrokenContract
from pipelines.pipeline import Pipeline
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append, Record
from tests.jobs.counting import NUMBERED, NumberLines
from tests.jobs.fragile import COPY
from tests.live_job import live_job

ROOT = Path(__file__).parent.parent


def fill(broker: Broker, messages: list[str]) -> None:
    broker.create_topics([DEVICE_LOGS])
    broker.append(
        [
            Append("device.logs", b"d1", orjson.dumps({"device_id": "d1", "message": text}), (("trace", b"\xff"),))
            for text in messages
        ]
    )


def all_records(broker: Broker, topic: str) -> list[Record]:
    parts = [TopicPartition(topic, partition) for partition in range(8)]
    return [r for part in parts for r in broker.read(part, 0, max_records=9999, max_bytes=1 << 30)]


def copied(broker: Broker) -> list[str]:
    return [orjson.loads(record.value or b"")["message"] for record in all_records(broker, "test.copies")]


def headers(record: Record) -> dict[str, str]:
    return {name: value.decode() for name, value in record.headers if name != "trace"}


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_a_row_that_raises_costs_one_row(tmp_path: Path, batch: int) -> None:
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        fill(broker, ["a", "b", "raise", "c", "error", "d", "e", "f"])
        report = EmbeddedEngine(broker, JobSettings(batch_records=batch)).run([COPY], until_end=True)
        assert copied(broker) == ["a", "b", "c", "d", "e", "f"]
        raised, failed = all_records(broker, "dead.letters")
        assert orjson.loads(raised.value or b"")["message"] == "raise"
        assert (raised.key, ("trace", b"\xff") in raised.headers) == (b"d1", True)
        said = headers(raised)
        assert (said["dlq.reason"], said["__connect.errors.stage"]) == ("infer_error", "INFER")
        assert said["__connect.errors.exception.message"] == "ValueError: cannot think of an answer"
        assert headers(failed)["dlq.reason"] == "nan"
        assert headers(failed)["__connect.errors.class.name"] == "fragile"
        assert report.total("dead letters") == 2


def test_an_operator_that_fails_on_everything_stops_the_job_and_loses_nothing(tmp_path: Path) -> None:
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        fill(broker, ["raise"] * 10)
        expected = r"pipeline copy: operator fragile raised ValueError: cannot think .* on 10 rows of device\.logs from"
        with pytest.raises(OperatorFailed, match=expected):
            EmbeddedEngine(broker).run([COPY], until_end=True)
        assert not all_records(broker, "dead.letters")
        assert broker.committed("hubbub-copy", TopicPartition("device.logs", 1)) is None


@dataclass(frozen=True)
class ForgetsStates(NumberLines):
    """Gives back no states, which no operator may."""

    def process(self, states: pa.RecordBatch, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        _, out = super().process(states, batch)
        return states.slice(0, 0), out


def test_a_broken_contract_blames_no_row_however_few_there_are(tmp_path: Path) -> None:
    pipeline = Pipeline("forgets", [DEVICE_LOGS], [ForgetsStates()], [NUMBERED])
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        fill(broker, ["one row"])
        with pytest.raises(BrokenContract, match="expected 1 states"):
            EmbeddedEngine(broker).run([pipeline], until_end=True)
        assert not all_records(broker, "dead.letters")


def test_an_outage_stops_the_job_however_often_and_blames_no_row(tmp_path: Path) -> None:
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        fill(broker, ["a", "outage", "b"])
        for _ in range(5):
            with pytest.raises(OSError, match="away"):
                EmbeddedEngine(broker).run([COPY], until_end=True)
        assert not all_records(broker, "dead.letters")


def test_a_row_that_kills_the_process_is_given_up_after_three_deaths(tmp_path: Path) -> None:
    path = tmp_path / "hubbub.db"
    with SqliteBroker(path) as broker:
        fill(broker, [f"line {i}" for i in range(30)] + ["abort"] + [f"line {i}" for i in range(30, 60)])
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(ROOT), str(ROOT.parent)]))
    command = [sys.executable, "-m", "pipelines.command_line", "run", "jobs.fragile:COPY", "--until-end"]
    deaths = 0
    while True:
        ended = subprocess.run(
            [*command, "--broker", f"sqlite:{path}"], env=environment, capture_output=True, check=False
        )
        if ended.returncode == 0:
            break
        assert ended.returncode == -6, ended.stderr
        deaths += 1
        assert deaths <= 3, "it never gave the record up"
    assert deaths == 3
    with SqliteBroker(path) as broker:
        assert copied(broker) == [f"line {i}" for i in range(60)]
        [letter] = all_records(broker, "dead.letters")
        assert headers(letter)["dlq.reason"] == "crash_loop"
        assert headers(letter)["dlq.attempts"] == "3"
        assert orjson.loads(letter.value or b"")["message"] == "abort"


def test_it_stops_when_asked_and_goes_on_where_it_was(tmp_path: Path) -> None:
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        fill(broker, [f"line {i}" for i in range(300)])
        with live_job(EmbeddedEngine(broker, JobSettings(batch_records=10)), [COPY]) as job:
            job.await_that(lambda: copied_count(broker) > 0)
        EmbeddedEngine(broker).run([COPY], until_end=True)
        assert copied(broker) == [f"line {i}" for i in range(300)]


def copied_count(broker: Broker) -> int:
    if "test.copies" not in broker.topics():
        return 0
    return sum(broker.bounds(TopicPartition("test.copies", partition))[1] for partition in range(8))
