"""A replay is compared with what its own pipelines wrote, though others write to the same topic."""

from __future__ import annotations

from pathlib import Path

from infra.broker import TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.replay.written_by import WrittenBy
from schemas.alerts import ALERTS
from schemas.cloudevents import PIPELINE_SOURCE
from schemas.record import Append, Record

PART = TopicPartition(ALERTS.name, 0)


def wrote(pipeline: str) -> bytes:
    return PIPELINE_SOURCE + pipeline.encode()


def test_others_are_left_out_and_whoever_is_none_of_hubbubs_is_not(tmp_path: Path) -> None:
    sources = [
        wrote("alerts"),
        *[wrote("forecast_alerts")] * 5,
        None,
        b"/acme",
        wrote("alerts_of_mine"),
        wrote("alerts"),
    ]
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        broker.create_topics([ALERTS])
        headers = [() if source is None else (("ce_source", source),) for source in sources]
        broker.append([Append(ALERTS.name, b"k", b"{}", one, partition=0) for one in headers])
        view = WrittenBy(broker, ["alerts", "logs"])
        found: list[Record] = []
        offset = 0
        # A page that holds nothing of theirs is no end.
        while records := view.read(PART, offset, max_records=2, max_bytes=1000):
            found += records
            offset = records[-1].offset + 1
        assert [record.offset for record in found] == [0, 6, 7, 9]
        assert view.bounds(PART) == (0, 10)
