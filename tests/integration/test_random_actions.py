"""Actions in any order (R37, R27): send, repeat, come late, work, die anywhere, start again, tick; equal to the oracle.

One thread, one file, real transactions: what is drawn is when things happen, and how many records a step takes. The
reader of the results is plain sqlite3.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import msgspec
import orjson
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from infra import failpoints
from infra.sqlite.broker import SqliteBroker
from pipelines.engines.dead_letter import DeadLetterWriter
from pipelines.engines.graph import streams_of
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.stage_times import StageTimes
from pipelines.engines.stream_task import StreamTask
from pipelines.engines.work import Worker
from pipelines.pipeline import Pipeline
from schemas.dead_letters import DEAD_LETTERS
from schemas.device_logs import DEVICE_LOGS
from schemas.identity import cloud_event_id
from schemas.record import Append
from schemas.ticks import TICKS
from tests.counting_oracle import Line, expected
from tests.jobs.counting import COUNTS, NUMBERED, SILENCES, SILENT

EXAMPLES = int(os.environ.get("HUBBUB_EXAMPLES", "20"))
LATENESS_S = 10.0
START = 1_770_000_000
CLOCK_US = (START + 10_000_000) * 1_000_000
PIPELINES = {pipeline.name: pipeline for pipeline in (COUNTS, SILENCES)}
DEVICES = ("d1", "d2", "d3", "d7")
PLACES = (
    *("after_poll", "after_infer", "after_state", "after_produce", "after_send_offsets", "during_end_transaction"),
    *("after_commit", "in_dead_letter"),
)
# Seconds against the newest event: most within the lateness, some beyond it, some far ahead.
STEPS = st.one_of(st.integers(-10, 20), st.integers(-40, -11), st.integers(60, 200))


def record(device: str, number: int, at: int) -> Append:
    moment = datetime.fromtimestamp(START + at, UTC).isoformat()
    value = {"device_id": device, "event_time": moment, "message": f"line {number}"}
    headers = (("ce_source", b"/test"), ("ce_id", str(number).encode()))
    return Append(DEVICE_LOGS.name, device.encode(), orjson.dumps(value), headers)


class Job:
    """The counting jobs on one file, worked by hand: one task a stream, in one thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with SqliteBroker(path, durability="off") as broker:
            broker.create_topics([DEVICE_LOGS, NUMBERED, SILENT, DEAD_LETTERS, TICKS])
        self.start()

    def start(self) -> None:
        """Begin as a new process does: with nothing but the file."""
        self.broker = SqliteBroker(self.path, durability="off", clock=lambda: CLOCK_US)
        self.tasks: dict[str, list[StreamTask]] = {}
        for name, pipeline in PIPELINES.items():
            worker = self._worker(pipeline)
            self.tasks[name] = [StreamTask(worker, stream) for stream in worker.membership.owned()]

    def die(self) -> None:
        """End without leaving the group or writing anything."""
        self.broker.close()

    def step(self, pipeline: str, batch: int) -> bool:
        """Let every stream of a pipeline take one step."""
        moved = [self._with_batch(task, batch).step() for task in self.tasks[pipeline]]
        return any(moved)

    def finish(self) -> None:
        """Work until nothing is left to do."""
        for name in PIPELINES:
            while self.step(name, 1000):
                pass

    def _with_batch(self, task: StreamTask, batch: int) -> StreamTask:
        # Deaths here are the actions' doing, not a record's.
        task._worker.settings = JobSettings(batch_records=batch, lateness_s=LATENESS_S, crash_deaths=10**9)
        return task

    def _worker(self, pipeline: Pipeline) -> Worker:
        group = f"hubbub-{pipeline.name}"
        return Worker(
            pipeline,
            self.broker,
            self.broker.join(group, None, streams_of(pipeline)),
            JobSettings(lateness_s=LATENESS_S),
            group=group,
            letters=DeadLetterWriter(group, "embedded", "0"),
            times=StageTimes(),
            clock=lambda: CLOCK_US,
        )


def rows(path: Path, topic: str) -> dict[int, list[tuple[dict[str, str], bytes]]]:
    """Headers and value of every record by partition, as plain SQL gives them."""
    with sqlite3.connect(path) as connection:
        found = connection.execute(
            "SELECT p.partition, r.headers, r.value FROM records r JOIN partitions p ON p.id = r.place >> 40 "
            "WHERE p.topic = ? ORDER BY r.place",
            (topic,),
        ).fetchall()
    by_partition: dict[int, list[tuple[dict[str, str], bytes]]] = defaultdict(list)
    for partition, packed, value in found:
        headers = {} if packed is None else {k: v.decode() for k, v in msgspec.msgpack.decode(bytes(packed))}
        by_partition[partition].append((headers, bytes(value)))
    return by_partition


def lines(path: Path) -> dict[int, list[Line]]:
    """What lies in the input topic."""
    found: dict[int, list[Line]] = defaultdict(list)
    for partition, records in rows(path, DEVICE_LOGS.name).items():
        for headers, value in records:
            try:
                row = orjson.loads(value)
            except orjson.JSONDecodeError:
                found[partition].append(Line("", "", None))
                continue
            at = datetime.fromisoformat(row["event_time"]).timestamp()
            event_id = cloud_event_id(headers["ce_source"], headers["ce_id"])
            found[partition].append(Line(row["device_id"], event_id, at))
    return found


def ticks(path: Path, group: str) -> dict[int, dict[int, list[float]]]:
    """The watermarks that a group has observed, by partition and offset."""
    found: dict[int, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for records in rows(path, TICKS.name).values():
        for _, value in records:
            row = orjson.loads(value)
            if row["group"] == group:
                at = datetime.fromisoformat(row["event_time"]).timestamp()
                found[row["partition"]][row["offset"]].append(at)
    return found


def check(path: Path, *, whole: bool) -> None:
    """Compare what was put out with the oracle: all of it, or that it is the oracle's beginning."""
    numbered, silent = rows(path, NUMBERED.name), rows(path, SILENT.name)
    counts_ticks, silences_ticks = ticks(path, "hubbub-counts"), ticks(path, "hubbub-silences")
    refused = 0
    for partition, log in lines(path).items():
        counts = expected(log, LATENESS_S, counts_ticks[partition])
        said = expected(log, LATENESS_S, silences_ticks[partition])
        refused += counts.refused
        _compare(
            [(row["message"], row["number"]) for row in (orjson.loads(value) for _, value in numbered[partition])],
            [(f"line {_numbers[event_id]}", number) for event_id, number in counts.numbers],
            whole,
        )
        states = [orjson.loads(value) for _, value in silent[partition]]
        _compare([(row["device_id"], row["state"]) for row in states], said.silences, whole)
    letters = sum(map(len, rows(path, DEAD_LETTERS.name).values()))
    assert letters == 2 * refused if whole else letters <= 2 * refused, "one dead letter a group, no more and no less"


def _compare(came: Sequence[object], wanted: Sequence[object], whole: bool) -> None:
    assert came == (wanted if whole else wanted[: len(came)])


_numbers = {cloud_event_id("/test", str(number)): number for number in range(2_000)}


class Actions(RuleBasedStateMachine):
    """What may happen to a job."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="hubbub-actions-")
        self.job = Job(Path(self.folder.name) / "hubbub.db")
        self.sent: list[Append] = []
        self.newest = 0

    @rule(device=st.sampled_from(DEVICES), steps=st.lists(STEPS, min_size=1, max_size=8))
    def send(self, device: str, steps: list[int]) -> None:
        for step in steps:
            at = max(0, self.newest + step)
            self.newest = max(self.newest, at)
            one = record(device, len(self.sent), at)
            self.sent.append(one)
            self.job.broker.append([one])

    @rule(back=st.integers(0, 60))
    def send_again(self, back: int) -> None:
        if self.sent:
            self.job.broker.append([self.sent[max(0, len(self.sent) - 1 - back)]])

    @rule(device=st.sampled_from(DEVICES))
    def send_what_is_no_row(self, device: str) -> None:
        self.job.broker.append([Append(DEVICE_LOGS.name, device.encode(), b"{")])

    @rule(pipeline=st.sampled_from(sorted(PIPELINES)), batch=st.sampled_from([1, 2, 3, 7, 1000]))
    def work(self, pipeline: str, batch: int) -> None:
        self.job.step(pipeline, batch)
        check(self.job.path, whole=False)

    @rule(
        pipeline=st.sampled_from(sorted(PIPELINES)),
        batch=st.sampled_from([1, 3, 1000]),
        place=st.sampled_from(PLACES),
        passes=st.integers(1, 3),
    )
    def die_at_work(self, pipeline: str, batch: int, place: str, passes: int) -> None:
        """A death at a failpoint, if the work comes by it, and a new process."""
        failpoints.arm({"HUBBUB_FAILPOINT": f"{place}:{passes}:raise"})
        try:
            self.job.step(pipeline, batch)
        except OSError as error:
            assert str(error) == f"failpoint {place}"
        finally:
            failpoints.arm({})
        self.job.die()
        check(self.job.path, whole=False)
        self.job.start()

    @rule(pipeline=st.sampled_from(sorted(PIPELINES)), ahead=st.integers(0, 120))
    def tick(self, pipeline: str, ahead: int) -> None:
        """Time moves in a quiet partition, as far as somebody's clock says; only where everything was read."""
        ends = self.job.broker.ends([DEVICE_LOGS.name])
        for task in self.job.tasks[pipeline]:
            if task.at_end(ends):
                task.tick((START + self.newest + ahead) * 1_000_000)

    def teardown(self) -> None:
        try:
            self.job.finish()
            check(self.job.path, whole=True)
        finally:
            self.job.die()
            self.folder.cleanup()


QUIET = (HealthCheck.too_slow, HealthCheck.data_too_large)
# A failure is shown as it was found: making a list of fifty actions short takes minutes (HUBBUB_SHRINK=1 does it).
PHASES = [phase for phase in Phase if phase is not Phase.shrink or os.environ.get("HUBBUB_SHRINK")]


def test_whatever_happens_the_outputs_are_the_oracle_s() -> None:
    run_state_machine_as_test(
        Actions,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(QUIET),
            phases=PHASES,
        ),
    )


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(QUIET))
@given(
    st.lists(st.tuples(st.sampled_from(DEVICES), st.integers(0, 20)), min_size=1, max_size=60),
    st.floats(0, 2),
    st.randoms(use_true_random=False),
    st.integers(1, 9),
)
def test_events_in_any_order_of_arrival(
    gaps: list[tuple[str, int]], lateness: float, source: Random, batch: int
) -> None:
    """Each event comes up to `lateness` times the allowed lateness behind its time."""

    at, events = 0, []
    for device, gap in gaps:
        at += gap
        events.append((at + source.uniform(0, lateness * LATENESS_S), device, at))
    with tempfile.TemporaryDirectory(prefix="hubbub-order-") as folder:
        job = Job(Path(folder) / "hubbub.db")
        job.broker.append([record(device, i, at) for i, (_, device, at) in enumerate(sorted(events))])
        for name in PIPELINES:
            while job.step(name, batch):
                pass
        job.die()
        check(job.path, whole=True)
