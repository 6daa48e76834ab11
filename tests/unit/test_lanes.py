"""Small steps of several streams run as one batch give what each stream gives alone, to the last byte."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import cast

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.broker import Attempt, Broker, Commit, CommitsTogether, Offset, StateRow, Stream, TopicPartition
from pipelines.engines.dead_letter import DeadLetterWriter
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.stage_times import StageTimes
from pipelines.engines.step_watch import Step, StepWatch
from pipelines.engines.stream_memory import StreamMemory
from pipelines.engines.stream_task import StreamTask, step_in_lanes
from pipelines.engines.work import Worker
from pipelines.pipeline import Pipeline
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Record
from tests.broker_subject import PARTS, STREAMS, place
from tests.jobs.counting import COUNTS, NUMBERED, SILENCES, NumberLines
from tests.jobs.fragile import COPY, Fragile

BEGIN_S = 1_772_352_000
"""The first second of the logs: 2026-03-01T08:00:00Z."""


class Logs:
    """The part of a broker that tasks read by: partitions that grow up to where a test lets them."""

    def __init__(self, records: Mapping[TopicPartition, Sequence[Record]]) -> None:
        self._records = records
        self.ends = dict.fromkeys(PARTS, 0)

    def bounds(self, part: TopicPartition) -> tuple[int, int]:
        return 0, self.ends[part]

    def read(self, part: TopicPartition, offset: int, *, max_records: int, max_bytes: int) -> list[Record]:
        return list(self._records[part][offset : min(self.ends[part], offset + max_records)])


class Memories:
    """A membership that owns all streams, each with a memory of its own; `commits` are those of each stream."""

    def __init__(self) -> None:
        self._memories = {stream: StreamMemory(stream) for stream in STREAMS}

    def __getattr__(self, name: str) -> object:
        """What is about one stream is asked of its memory."""
        return lambda stream, *rest: getattr(self._memories[stream], name)(stream, *rest)

    def offset(self, part: TopicPartition) -> Offset | None:
        return self._memories[Stream((part,))].offset(part)

    def commit(self, commit: Commit) -> None:
        self._memories[commit.stream].commit(commit)

    def commit_together(self, commits: Sequence[Commit]) -> None:
        for commit in commits:
            self.commit(commit)

    def begin_attempts(self, attempts: Mapping[Stream, Attempt]) -> None:
        """Nothing outlives this process."""

    def taken(self) -> dict[str, list[Commit]]:
        return {stream.name: memory.taken() for stream, memory in self._memories.items()}

    def rows(self) -> dict[str, list[StateRow]]:
        return {stream.name: memory.all_rows() for stream, memory in self._memories.items()}


FRAGILE_COUNTS = Pipeline("fragile_counts", [DEVICE_LOGS], [Fragile(), NumberLines()], [NUMBERED])
# device, seconds since the beginning, message; None: a line that is no JSON; a number: the event so far back again.
_LINE = st.tuples(
    st.integers(0, 11), st.integers(0, 900), st.sampled_from(["ok", "ok", "ok", "error", "raise", None, 1, 3])
)


def records_of(lines: Sequence[tuple[int, int, str | int | None]]) -> dict[TopicPartition, list[Record]]:
    found: dict[TopicPartition, list[Record]] = {part: [] for part in PARTS}
    told: list[tuple[str, bytes, str]] = []
    for number, (device, second, message) in enumerate(lines):
        name, value, event = f"d{device}", b"{", f"e{number}"
        if isinstance(message, int):
            name, value, event = told[-message] if message <= len(told) else (name, value, event)
        elif message is not None:
            time = f"2026-03-01T08:{second // 60:02d}:{second % 60:02d}Z"
            value = orjson.dumps({"device_id": name, "event_time": time, "message": message})
        told.append((name, value, event))
        own = found[place(name)]
        headers = (("ce_source", b"test"), ("ce_id", event.encode()))
        own.append(Record(len(own), (BEGIN_S + 1000) * 1_000_000, name.encode(), value, headers))
    return found


def worker_of(
    pipeline: Pipeline, logs: Logs, membership: CommitsTogether, times: StageTimes, watch: StepWatch | None = None
) -> Worker:
    return Worker(
        pipeline,
        cast(Broker, logs),
        membership,
        JobSettings(),
        group="g",
        letters=DeadLetterWriter("g", "test", "0"),
        times=times,
        clock=lambda: 0,
        watch=watch,
    )


def run(
    pipeline: Pipeline, records: Mapping[TopicPartition, Sequence[Record]], rounds: int, *, together: bool
) -> tuple[dict[str, list[Commit]], dict[str, list[StateRow]], StageTimes]:
    """Let all streams grow in as many rounds, and work through each; return what each committed, and remembers."""
    logs, memories, times = Logs(records), Memories(), StageTimes()
    membership = cast(CommitsTogether, memories)
    worker = worker_of(pipeline, logs, membership, times)
    tasks = [StreamTask(worker, stream) for stream in STREAMS]
    for number in range(1, rounds + 1):
        logs.ends = {part: len(own) * number // rounds for part, own in records.items()}
        ready = [task for task in tasks if task.look_ahead() is not None]
        if together and ready:
            with worker.one_commit(membership):
                step_in_lanes(ready)
        for task in tasks if not together else []:
            task.step()
    return memories.taken(), memories.rows(), times


@pytest.mark.parametrize("pipeline", [COUNTS, SILENCES, COPY, FRAGILE_COUNTS], ids=lambda one: one.name)
@settings(max_examples=40)
@given(lines=st.lists(_LINE, max_size=40), rounds=st.integers(1, 4))
def test_lanes_give_what_each_gives_alone(
    pipeline: Pipeline, lines: list[tuple[int, int, str | int | None]], rounds: int
) -> None:
    # An operator that raises on more than half of its rows is broken, and stops the job: that is another test's.
    lines = [
        (device, second, "ok" if text == "raise" and n % 5 else text) for n, (device, second, text) in enumerate(lines)
    ]
    records = records_of(lines)
    (commits, memory, times), (alone, remembered, own_times) = (
        run(pipeline, records, rounds, together=together) for together in (True, False)
    )
    assert commits == alone
    assert memory == remembered
    assert +Counter(times.rows) == +Counter(own_times.rows)
    assert (times.steps, times.reasons) == (own_times.steps, own_times.reasons)


def test_the_rows_of_all_streams_are_one_batch_for_an_operator() -> None:
    sizes: list[int] = []

    class Noting(NumberLines):
        def process(self, states: pa.RecordBatch, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
            sizes.append(batch.num_rows)
            return super().process(states, batch)

    pipeline = Pipeline("counts", [DEVICE_LOGS], [Noting()], [NUMBERED])
    records = records_of([(device, device, "ok") for device in range(12)])
    assert sum(map(bool, records.values())) > 4
    run(pipeline, records, 1, together=True)
    assert sizes == [12]


def test_an_outage_is_told_of_every_step_that_it_ends() -> None:
    told: list[Step] = []

    class Noting:
        def tell(self, step: Step) -> None:
            told.append(step)

    records = records_of([(device, device, "outage" if device == 5 else "ok") for device in range(12)])
    logs = Logs(records)
    logs.ends = {part: len(own) for part, own in records.items()}
    membership = cast(CommitsTogether, Memories())
    worker = worker_of(COPY, logs, membership, StageTimes(), Noting())
    tasks = [StreamTask(worker, stream) for stream in STREAMS]
    ready = [task for task in tasks if task.look_ahead() is not None]
    with pytest.raises(OSError, match="away"), worker.one_commit(membership):
        step_in_lanes(ready)
    assert [step.stream for step in told] == [task.stream for task in ready]
    assert {str(step.error) for step in told} == {"the model server is away"}
