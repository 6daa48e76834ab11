"""The second client in trouble: a broker that goes away, and commits of which nobody knows whether they count."""

from __future__ import annotations

import pytest

from tests.integration.test_kafka_trouble import (  # noqa: F401 - fixtures and tests of this module, too
    job,
    test_commits_of_which_nobody_knows_whether_they_count,
    test_the_broker_goes_away_under_load_and_comes_back,
    trouble,
)

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the workers, which are processes of their own, write by librdkafka."""
    monkeypatch.setenv("HUBBUB_KAFKA_CLIENT", "confluent")
