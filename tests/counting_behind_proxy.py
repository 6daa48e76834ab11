"""The counting job on a Kafka that its workers reach through a proxy alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.kafka import HOST, LocalKafka
from tests.counting_job import counting_job
from tests.dropping_proxy import DroppingProxy
from tests.kafka_job import KafkaJob


@contextmanager
def running_behind(proxy: DroppingProxy, kafka: LocalKafka) -> Iterator[None]:
    """Run a broker behind a proxy: clients go where it says that it is."""
    kafka._properties["advertised.listeners"] = f"CLIENT://{HOST}:{proxy.port},INTERNAL://{HOST}:{kafka._internal[0]}"
    with kafka:
        yield
    proxy.close()


@contextmanager
def counting_behind(proxy: DroppingProxy, prefix: str, folder: Path, request_timeout_s: float) -> Iterator[KafkaJob]:
    """Give the counting job of such a broker."""
    environment = {"HUBBUB_KAFKA_REQUEST_TIMEOUT_S": str(request_timeout_s)}
    with counting_job(f"{HOST}:{proxy.port}", prefix, folder, environment) as job:
        yield job
