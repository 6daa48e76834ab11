"""A worker that dies at each of the places where dying is hardest, on Kafka: the next one goes on exactly once."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import orjson
import pytest

from infra.local.kafka import LocalKafka
from tests.jobs.counting import COUNTS, SILENCES
from tests.kafka_job import KafkaJob
from tests.patience import PATIENCE_S

LINES = 400
PILLS = 20
GROUPS = ("hubbub-counts", "hubbub-silences")
# (where, on which pass of it)
PLACES = (
    ("after_poll", 3),
    ("after_infer", 2),
    ("after_state", 3),
    ("after_produce", 3),
    ("after_send_offsets", 3),
    ("during_end_transaction", 3),
    ("after_commit", 3),
    ("in_dead_letter", 2),
    ("during_flush", 2),
)


def filled(kafka: LocalKafka, folder: Path) -> KafkaJob:
    prefix = f"t{uuid.uuid4().hex[:12]}."
    job = KafkaJob(
        kafka.bootstrap,
        prefix,
        folder,
        ["jobs.counting:COUNTS", "jobs.counting:SILENCES"],
        environment={"HUBBUB_JOB_BATCH_RECORDS": "20"},
    )
    job.folder.mkdir(parents=True)
    job.create([COUNTS, SILENCES])
    rows: list[bytes] = []
    names: dict[bytes, str] = {}
    for i in range(LINES):
        row = orjson.dumps(
            {
                "device_id": f"d{i % 7}",
                "event_time": f"2026-03-01T{8 + i // 60 % 12:02d}:{i % 60:02d}:00Z",
                "message": f"line {i}",
            }
        )
        rows.append(row)
        names[row] = f"d{i % 7}"
    for i in range(PILLS):
        pill = b"no json %d" % i
        rows.append(pill)
        names[pill] = f"d{i % 7}"
    job.fill("device.logs", rows, key=lambda row: names[bytes(row)] if isinstance(row, bytes) else "")
    return job


def outcome(job: KafkaJob) -> dict[str, object]:
    """Everything that was put out, in order, and what is remembered; dead letters of a partition by their ids."""
    found: dict[str, object] = {}
    for topic in ("test.numbered", "test.silences"):
        found[topic] = {
            number: [(one.key, one.value) for one in records] for number, records in job.records(topic).items()
        }
    letters = (one for records in job.records("dead.letters").values() for one in records)
    found["dead.letters"] = sorted((dict(one.headers)["dlq.id"], one.key, one.value) for one in letters)
    for group in GROUPS:
        memory: dict[bytes, bytes] = {}
        for records in job.records(f"hubbub.state.{group}").values():
            for one in records:
                if msgspec.msgpack.decode(one.key)[0] != "memory":
                    continue
                memory.pop(one.key, None)
                if one.value is not None:
                    memory[one.key] = one.value
        found[group] = memory
        found[f"offsets of {group}"] = job.committed(group)
    return found


@pytest.fixture(scope="module")
def undisturbed(kafka: LocalKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    with filled(kafka, tmp_path_factory.mktemp("undisturbed") / "job") as job:
        job.finish()
        yield outcome(job)


@pytest.mark.parametrize(("place", "passes"), PLACES)
def test_killed_there_it_goes_on_as_if_nothing_had_been(
    kafka: LocalKafka, tmp_path: Path, undisturbed: dict[str, object], place: str, passes: int
) -> None:
    with filled(kafka, tmp_path / "job") as job:
        killed = job.start("--until-end", failpoint=f"{place}:{passes}:kill")
        assert killed.wait(PATIENCE_S) == -9, f"it never passed {place}: {job.log_of(killed)}"
        job.finish()
        assert outcome(job) == undisturbed


@pytest.mark.parametrize("place", ["after_send_offsets", "during_end_transaction"])
def test_an_outage_there_is_an_outage_and_nothing_is_lost(
    kafka: LocalKafka, tmp_path: Path, undisturbed: dict[str, object], place: str
) -> None:
    with filled(kafka, tmp_path / "job") as job:
        failed = job.start("--until-end", failpoint=f"{place}:2:raise")
        assert failed.wait(PATIENCE_S) == 3, job.log_of(failed)
        assert "Traceback" not in job.log_of(failed)
        job.finish()
        assert outcome(job) == undisturbed


def test_killed_while_it_takes_over_it_takes_over_again(
    kafka: LocalKafka, tmp_path: Path, undisturbed: dict[str, object]
) -> None:
    """A death in the middle of reading the changelog, with no snapshot to spare it."""
    with filled(kafka, tmp_path / "job") as job:
        first = job.start("--until-end", failpoint="after_commit:9:kill")
        assert first.wait(PATIENCE_S) == -9, job.log_of(first)
        second = job.start("--until-end", failpoint="during_restore:2:kill", state="elsewhere")
        assert second.wait(PATIENCE_S) == -9, job.log_of(second)
        job.finish(state="elsewhere")
        assert outcome(job) == undisturbed


def test_killed_while_it_gives_streams_up_it_is_replaced(
    kafka: LocalKafka, tmp_path: Path, undisturbed: dict[str, object]
) -> None:
    """The first rebalance finds one worker dying of it; the other does all that is left."""
    with filled(kafka, tmp_path / "job") as job:
        first = job.start(failpoint="during_revoke:2:kill")
        second = job.start("--until-end", "--instance", "second")
        assert first.wait(PATIENCE_S) == -9, job.log_of(first)
        assert second.wait(PATIENCE_S) == 0, job.log_of(second)
        job.finish()
        assert outcome(job) == undisturbed
