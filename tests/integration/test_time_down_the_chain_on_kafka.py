"""All streams of a process come as far in one transaction of Kafka; one that has grown meanwhile undoes none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from infra.broker import Commit, CommitsTogether
from infra.local.kafka import LocalKafka
from pipelines.engines.graph import topics_of
from tests.broker_subject import eventually
from tests.integration.test_time_down_the_chain import (
    AT_US,
    CHAIN,
    DEVICES,
    NUMBERS,
    Sites,
    after,
    located,
    row,
    ticks,
    understand,
)
from tests.patient_kafka import patient_broker


def test_time_moves_in_one_transaction(
    kafka: LocalKafka, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with patient_broker(kafka, topic_prefix, tmp_path / "state") as broker:
        broker.create_topics(topics_of(CHAIN))
        understand(broker, row("alarms.enriched", DEVICES[3], 0))
        found = Sites(broker)
        membership = found.worker.membership
        assert isinstance(membership, CommitsTogether)
        assert eventually(lambda: len(membership.owned()) == len(NUMBERS))
        found.begin()
        commits: list[int] = []
        really = membership.commit_together

        def counted(some: Sequence[Commit]) -> None:
            commits.append(len(some))
            really(some)

        monkeypatch.setattr(membership, "commit_together", counted)
        found.at(6)
        assert commits == []
        found.now_us, found.monotonic_s = AT_US + 10_500_000, 10.0
        assert found.round(between=after(broker, 3, second=8)).lost == set()
        assert commits == [len(NUMBERS)] and ticks(broker) == 0, "a partition has grown: nothing was written"
        found.at(10.6)
        assert commits == [len(NUMBERS)] * 2
        assert found.frontiers() == dict.fromkeys(NUMBERS, AT_US + 600_000)
        assert eventually(lambda: located(broker) == [DEVICES[3]])
        found.at(18.6)
        assert eventually(lambda: located(broker) == [DEVICES[3]] * 2)
