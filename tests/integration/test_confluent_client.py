"""The second client (`[kafka] client = "confluent"`, extra `fast`) keeps every law that the first one keeps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from infra.local_kafka import LocalKafka
from tests.integration.test_kafka_broker import KafkaSubject

pytest.register_assert_rewrite("tests.broker_laws", "tests.membership_laws")
from tests.broker_laws import *  # noqa: E402, F403 - the laws are this module's tests
from tests.membership_laws import *  # noqa: E402, F403


@pytest.fixture
def subject(kafka: LocalKafka, topic_prefix: str, tmp_path: Path) -> Iterator[KafkaSubject]:
    one = KafkaSubject(kafka, topic_prefix, tmp_path / "state")
    one.section = msgspec.structs.replace(one.section, client="confluent")
    yield one
    for broker in one.brokers:
        broker.close()
