"""Two pipelines that count, on a Kafka that workers reach through a proxy alone: set-up, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.kafka import HOST, LocalKafka
from tests.dropping_proxy import DroppingProxy
from tests.integration.test_killed_job import oracle_silences
from tests.jobs.counting import COUNTS, SILENCES
from tests.kafka_job import KafkaJob, check_counts

NAMES = ["jobs.counting:COUNTS", "jobs.counting:SILENCES"]


@contextmanager
def running_behind(proxy: DroppingProxy, kafka: LocalKafka) -> Iterator[None]:
    """Run a broker behind a proxy: clients go where it says that it is."""
    kafka._properties["advertised.listeners"] = f"CLIENT://{HOST}:{proxy.port},INTERNAL://{HOST}:{kafka._internal[0]}"
    with kafka:
        yield
    proxy.close()


@contextmanager
def counting_job(proxy: DroppingProxy, prefix: str, folder: Path, request_timeout_s: float) -> Iterator[KafkaJob]:
    """Give the job, its topics made and empty, its workers not started."""
    environment = {"HUBBUB_KAFKA_REQUEST_TIMEOUT_S": str(request_timeout_s)}
    with KafkaJob(f"{HOST}:{proxy.port}", prefix, folder, NAMES, environment) as job:
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
