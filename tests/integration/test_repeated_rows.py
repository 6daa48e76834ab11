"""Rows that an upstream pipeline wrote again after a crash change nothing downstream, enriched or emitted by deadlines.

The upstream's log is made by the embedded engine, then written again as a writer that is sure of at least once only
may leave it: at random places it goes back some rows, with the same bytes and headers, and on from there.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from infra.broker import TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.graph import topics_of
from pipelines.engines.job_settings import JobSettings
from pipelines.pipeline import Pipeline
from schemas.dead_letters import DEAD_LETTERS
from schemas.record import Append, Record
from schemas.sequence import SEQUENCE_HEADER
from schemas.topic import Topic
from tests.jobs.counting import COUNTS, NUMBER, NUMBERED, SILENCE, SILENCES, SILENT, NumberLines
from tests.jobs.drawn_lines import lines

SEED = 20260301
AGAIN = pa.field("again", pa.int64())
COUNTED_SILENCES = Topic("test.counted.silences", pa.schema([*SILENCE, NUMBER]), "silences with their number")
COUNT_SILENCES = Pipeline("count_silences", [SILENT], [NumberLines()], [COUNTED_SILENCES])
TWICE = Topic("test.twice", NUMBERED.schema, "numbered lines, copied")
COPY_NUMBERED = Pipeline("copy_numbered", [NUMBERED], [], [TWICE])


def log_of(broker: SqliteBroker, topic: str) -> dict[int, list[Record]]:
    return {
        part.partition: broker.read(part, 0, max_records=1_000_000, max_bytes=1 << 30) for part in broker.ends([topic])
    }


def with_steps_back(records: Sequence[Record], source: random.Random) -> list[Record]:
    log, at = [], 0
    while at < len(records):
        log.append(records[at])
        at = at + 1 if source.random() < 0.98 else max(0, at - source.randint(0, 40))
    return log


@pytest.mark.parametrize(
    ("upstream", "downstream"), [(COUNTS, COPY_NUMBERED), (SILENCES, COUNT_SILENCES)], ids=["rows", "deadlines"]
)
def test_repeats_change_nothing_downstream(upstream: Pipeline, downstream: Pipeline, tmp_path: Path) -> None:
    """The same records come out as without repeats, whatever the batches, and the repeats are counted."""
    source = random.Random(SEED)
    (between,) = downstream.sources
    (sink,) = (one.topic for one in downstream.sinks)
    with SqliteBroker(tmp_path / "first.db") as broker:
        broker.create_topics([*topics_of([upstream]), *topics_of([downstream])])
        broker.append(lines(4000, devices=300, seed=SEED))
        EmbeddedEngine(broker, JobSettings(batch_records=90)).run([upstream], until_end=True)
        clean = log_of(broker, between.name)
        EmbeddedEngine(broker, JobSettings(batch_records=50)).run([downstream], until_end=True)
        expected = {number: [one.value for one in found] for number, found in log_of(broker, sink.name).items()}
    assert any(SEQUENCE_HEADER in dict(one.headers) for found in clean.values() for one in found)
    repeated = {number: with_steps_back(found, source) for number, found in clean.items()}
    extra = sum(map(len, repeated.values())) - sum(map(len, clean.values()))
    assert extra > 100
    with SqliteBroker(tmp_path / "second.db") as broker:
        broker.create_topics(topics_of([downstream]))
        for number, found in repeated.items():
            broker.append([Append(between.name, one.key, one.value, one.headers, number) for one in found])
        report = EmbeddedEngine(broker, JobSettings(batch_records=37)).run([downstream], until_end=True)
        assert {number: [one.value for one in found] for number, found in log_of(broker, sink.name).items()} == expected
        assert broker.bounds(TopicPartition(DEAD_LETTERS.name, 0))[1] == 0
    assert report.pipelines[downstream.name].rows["repeats"] == extra
    assert report.total("in") == sum(map(len, clean.values()))
