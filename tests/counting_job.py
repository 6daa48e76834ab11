"""Two pipelines that count, as workers on Kafka: set-up, how far they are, and whether what came of it is right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from tests.integration.test_killed_job import oracle_silences
from tests.jobs.counting import COUNTS, SILENCES
from tests.kafka_job import KafkaJob, check_counts

NAMES = ["jobs.counting:COUNTS", "jobs.counting:SILENCES"]


@contextmanager
def counting_job(
    bootstrap: str, prefix: str, folder: Path, environment: Mapping[str, str] = MappingProxyType({})
) -> Iterator[KafkaJob]:
    """Give the job, its topics made and empty, its workers not started."""
    with KafkaJob(bootstrap, prefix, folder, NAMES, environment) as job:
        job.create([COUNTS, SILENCES])
        yield job


def progress(job: KafkaJob) -> int:
    """How many lines both have worked through and committed."""
    return job.committed("hubbub-counts") + job.committed("hubbub-silences")


def check(job: KafkaJob) -> None:
    """Each line was counted once and in its order, each silence told once, and nothing is a dead letter."""
    inputs = job.rows("device.logs")
    check_counts(inputs, job.rows("test.numbered"))
    silences = job.rows("test.silences")
    for partition, rows in inputs.items():
        assert [(row["device_id"], row["state"]) for row in silences[partition]] == oracle_silences(rows, 10.0)
    assert not job.records("dead.letters")
