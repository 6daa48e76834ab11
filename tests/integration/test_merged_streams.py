"""Merging: the order of release is a function of the logs alone, however they are read, wherever reading broke off."""

from __future__ import annotations

import random
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.broker import TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.engines.dead_letter import DeadLetterWriter
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.graph import streams_of
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.merged_task import MergedTask
from pipelines.engines.stage_times import StageTimes
from pipelines.engines.ticks import read_ticks
from pipelines.engines.work import Worker
from pipelines.pipeline import Pipeline
from schemas.customer_messages import CUSTOMER_MESSAGES
from schemas.dead_letters import DEAD_LETTERS
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append
from schemas.ticks import TICKS
from schemas.topic import DEVICE_ID, EVENT_TIME, Topic
from tests.jobs.counting import NUMBER, NumberLines

MERGED = Topic("test.merged", pa.schema([DEVICE_ID, EVENT_TIME, NUMBER]), "rows of two topics in event-time order")
PIPELINE = Pipeline("merged", [DEVICE_LOGS, CUSTOMER_MESSAGES], [NumberLines()], [MERGED], merge=True)
LATENESS_S = 10
START = 1_770_000_000
PARTITION = 1  # where the key "d1" lies
TOPICS = {"device.logs": "message", "customer.messages": "text"}
Event = tuple[str, int]


def value(topic: str, number: int, at: int) -> bytes:
    moment = datetime.fromtimestamp(START + at, UTC).isoformat()
    return orjson.dumps({"device_id": "d1", "event_time": moment, TOPICS[topic]: f"{topic} {number}", "seq": number})


def oracle(events: list[Event]) -> list[int]:
    """Release order by its definition: (event time or watermark, topic, offset), below the slowest topic."""
    waiting: list[tuple[int, str, int, int]] = []
    watermarks: dict[str, int] = {}
    for topic in TOPICS:
        high: int | None = None
        offset = 0
        for number, (of, at) in enumerate(events):
            if of != topic:
                continue
            watermark = None if high is None else high - LATENESS_S
            waiting.append((at if watermark is None else max(at, watermark), topic, offset, number))
            high = at if high is None else max(high, at)
            offset += 1
        watermarks[topic] = -(10**9) if high is None else high - LATENESS_S
    frontier = min(watermarks.values())
    return [number for merged, _, _, number in sorted(waiting) if merged < frontier]


def written(broker: SqliteBroker) -> list[int]:
    records = broker.read(TopicPartition("test.merged", PARTITION), 0, max_records=9999, max_bytes=1 << 30)
    return [orjson.loads(record.value or b"")["seq"] for record in records]


def worker(broker: SqliteBroker, batch: int) -> Worker:
    membership = broker.join("g-merged", None, streams_of(PIPELINE))
    membership.owned()
    return Worker(
        PIPELINE,
        broker,
        membership,
        JobSettings(batch_records=batch, lateness_s=LATENESS_S),
        group="g-merged",
        letters=DeadLetterWriter("g-merged", "embedded", "0"),
        times=StageTimes(),
        clock=lambda: (START + 10_000) * 1_000_000,
    )


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(TOPICS)), st.integers(0, 60)), max_size=30),
    st.integers(0, 2**32),
)
def test_release_order_is_a_function_of_the_logs(events: list[Event], seed: int) -> None:
    """Appends, reads of any size and restarts in any order give the order that the definition gives."""
    source = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder, SqliteBroker(Path(folder) / "hubbub.db", durability="off") as broker:
        broker.create_topics([DEVICE_LOGS, CUSTOMER_MESSAGES, MERGED, DEAD_LETTERS, TICKS])
        stream = streams_of(PIPELINE)[PARTITION]
        task = MergedTask(worker(broker, 3), stream)
        for number, (topic, at) in enumerate(events):
            broker.append([Append(topic, b"d1", value(topic, number, at))])
            for _ in range(source.randrange(3)):
                task.step()
            if source.random() < 0.2:
                task = MergedTask(worker(broker, source.randrange(1, 5)), stream)  # died: only what is committed counts
        while task.step():
            pass
        assert written(broker) == oracle(events)
        while task.finish():
            pass
        assert sorted(written(broker)) == list(range(len(events)))
        assert task.at_end(broker.ends(list(TOPICS)))


def test_a_replay_that_reads_the_ticks_releases_alike(tmp_path: Path) -> None:
    """A quiet topic holds the other back until a tick; a second group that reads the ticks gives the same rows."""
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        broker.create_topics([DEVICE_LOGS, CUSTOMER_MESSAGES, MERGED, DEAD_LETTERS, TICKS])
        task = MergedTask(worker(broker, 100), streams_of(PIPELINE)[PARTITION])
        for number, at in enumerate((5, 3, 30)):
            broker.append([Append("device.logs", b"d1", value("device.logs", number, at))])
        while task.step():
            pass
        assert written(broker) == [], "customer.messages might still say something earlier"
        assert task.tick((START + 25) * 1_000_000)
        assert written(broker) == [1, 0]
        broker.append([Append("customer.messages", b"d1", value("customer.messages", 3, 1))])  # late: after the tick
        while task.step():
            pass
        while task.finish():
            pass
        first = written(broker)
        assert first == [1, 0, 3, 2]
        ticks = read_ticks(broker, "g-merged")
        assert {part.topic for part in ticks} == set(TOPICS)
        EmbeddedEngine(broker, JobSettings(lateness_s=LATENESS_S), group="again", ticks={"merged": ticks}).run(
            [PIPELINE], until_end=True
        )
        assert written(broker) == first + first


@pytest.mark.parametrize("batch", [1, 2, 1000])
def test_an_engine_run_to_the_end_leaves_nothing_waiting(tmp_path: Path, batch: int) -> None:
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        broker.create_topics([DEVICE_LOGS, CUSTOMER_MESSAGES])
        for number in range(20):
            topic = sorted(TOPICS)[number % 2]
            broker.append([Append(topic, b"d1", value(topic, number, number * 7 % 40))])
        EmbeddedEngine(broker, JobSettings(lateness_s=LATENESS_S, batch_records=batch)).run([PIPELINE], until_end=True)
        assert sorted(written(broker)) == list(range(20))
