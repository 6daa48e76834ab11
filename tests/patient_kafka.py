"""A broker on Kafka for tests that measure no time: it waits as long as it takes for answers, and for its members."""

from __future__ import annotations

from pathlib import Path

from infra.kafka.broker import KafkaBroker
from infra.kafka.connection import KafkaConnection
from infra.kafka.settings import KafkaSection
from infra.local.kafka import LocalKafka
from tests.patience import ANSWER_S


def patient_broker(kafka: LocalKafka, prefix: str, folder: Path) -> KafkaBroker:
    """Open one whose topics begin with `prefix` and whose local state lies in `folder`."""
    section = KafkaSection(
        topic_prefix=prefix, state_dir=str(folder), session_timeout_s=ANSWER_S, request_timeout_s=ANSWER_S
    )
    return KafkaBroker(KafkaConnection.of(f"kafka://{kafka.bootstrap}", section))
