"""The age of a watermark: of the slowest stream, by the places that are committed, whoever has committed them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from infra.broker import Offset, TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.engines.embedded_engine import JobReport
from pipelines.engines.place import Place
from pipelines.pipeline import Pipeline
from pipelines.watching.exposition import Exposition
from pipelines.watching.job_metrics import JobMetrics
from schemas.device_logs import DEVICE_LOGS
from tests.scraped import samples

NOW_US = 1_772_352_000_000_000  # 2026-03-01T08:00:00Z
LATENESS_US = 10_000_000
OTHER = replace(DEVICE_LOGS, name="other.logs")
COPY = Pipeline("copy", [DEVICE_LOGS], [], [replace(DEVICE_LOGS, name="copies")])
MERGE = Pipeline("merge", [DEVICE_LOGS, OTHER], [], [replace(DEVICE_LOGS, name="copies")], merge=True)


def ago(seconds: int) -> int:
    return NOW_US - seconds * 1_000_000


@pytest.mark.parametrize(
    ("pipeline", "places", "age"),
    [
        (COPY, {}, None),
        (COPY, {0: Offset(3, "another tool's")}, None),
        (COPY, {0: Place(5, ago(20)).to_offset()}, 30),
        (COPY, {0: Place(5, ago(20)).to_offset(), 1: Place(5, ago(99), ago(45)).to_offset()}, 45),
        (COPY, {0: Place(5, ago(20)).to_offset(), 1: Place(0).to_offset()}, 30),
        (MERGE, {0: Place(5, ago(99)).to_offset(ago(15))}, 15),
    ],
    ids=["before the first", "no place of ours", "one stream", "moved by the clock", "one without a time", "merged"],
)
def test_the_age_is_of_the_slowest_stream(
    tmp_path: Path, pipeline: Pipeline, places: Mapping[int, Offset], age: float | None
) -> None:
    group = f"hubbub-{pipeline.name}"
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        broker.create_topics([DEVICE_LOGS, OTHER])
        broker.commit_offsets(group, {TopicPartition(DEVICE_LOGS.name, one): at for one, at in places.items()})
        metrics = JobMetrics(JobReport(), broker, {group: pipeline}, LATENESS_US, lambda: NOW_US)
        found = samples(Exposition(metrics).text().decode())
    assert found.get(("hubbub_watermark_age_seconds", group)) == age
    assert found["hubbub_broker_up",] == 1
