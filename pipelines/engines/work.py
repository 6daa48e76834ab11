"""Work and commit: rows of one stream through the pipeline, and all that follows from them in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeAlias

import pyarrow as pa

from infra.broker import Broker, Commit, CommitsTogether, Membership, Offset, Stream, TopicPartition
from infra.failpoints import failpoint
from operators.row_errors import RowError
from pipelines.engines.dead_letter import DeadLetterWriter, Failure
from pipelines.engines.isolation import run_isolated
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.lanes import Lane, run_lanes
from pipelines.engines.repeated_events import first_deliveries
from pipelines.engines.round_answers import RoundAnswers
from pipelines.engines.sequence import Feed, with_offsets
from pipelines.engines.sink_writer import SinkWriter
from pipelines.engines.stage_times import Interval, StageTimes
from pipelines.engines.state_rows import StateRows
from pipelines.engines.step_log import log_step
from pipelines.engines.step_watch import Step, StepWatch, in_step, step_id
from pipelines.pipeline import Pipeline
from schemas.record import Append, Record
from schemas.sequence import feed_name
from schemas.topic import Topic


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive rows of one topic, with the records they came from, and the watermark behind them."""

    topic: Topic
    part: TopicPartition
    batch: pa.RecordBatch
    records: Sequence[Record]
    watermark_us: int | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that never became a row, and why."""

    part: TopicPartition
    record: Record
    failure: Failure


@dataclass(frozen=True, slots=True)
class SmallStep:
    """What is to be done on one stream: few rows, what never became one, and the offsets behind them all."""

    stream: Stream
    segment: Segment
    refused: Sequence[Refusal]
    offsets: Mapping[TopicPartition, Offset]


Failed: TypeAlias = tuple[TopicPartition, Record, Failure]


@dataclass(frozen=True, slots=True)
class _Made:
    """What a step made, before it is committed."""

    outputs: list[pa.RecordBatch]
    failed: list[Failed]
    appends: list[Append]
    rows_in: int
    commit: Commit


class Worker:
    """Does the work of one pipeline in one consumer group; every stream's task calls it."""

    def __init__(
        self,
        pipeline: Pipeline,
        broker: Broker,
        membership: Membership,
        settings: JobSettings,
        *,
        group: str,
        letters: DeadLetterWriter,
        times: StageTimes,
        clock: Callable[[], int],
        beside: Sequence[Pipeline] = (),
        watch: StepWatch | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.beside = beside  # the pipelines of the same job
        self.broker = broker
        self.membership = membership
        self.settings = settings
        self.group = group
        self.times = times
        self.clock = clock
        self._letters = letters
        self._watch = watch
        # Steps that are done and wait for their commit; whether those of other streams are to go with it.
        self._uncommitted: list[tuple[Step, _Made]] = []
        self._together = False
        self._sinks = SinkWriter(pipeline)
        self._internal = {sink.topic.name for sink in pipeline.sinks if sink.topic.internal}
        self.answers = RoundAnswers(broker, [topic.name for topic in pipeline.sources])
        self._feeds: dict[str, str] = {}
        self._ranks = {name: rank for rank, name in enumerate(sorted(topic.name for topic in pipeline.sources))}

    def work(
        self,
        stream: Stream,
        segments: Sequence[Segment],
        refused: Sequence[Refusal],
        offsets: Mapping[TopicPartition, Offset],
        *,
        watermark_us: int | None,
        extra: Sequence[Append] = (),
        idle_at: Mapping[TopicPartition, int] | None = None,
    ) -> None:
        """Run the segments in order, fire what is due up to `watermark_us`, and commit it all with the offsets.

        `extra` records go out with the commit; it is refused (NotIdle) if a partition of `idle_at` has grown.
        """
        step = self._begun(stream, segments, refused, offsets, watermark_us)
        with in_step(step.id):
            try:
                made = self._work(stream, segments, step.failed, offsets, watermark_us, extra, idle_at)
            except Exception as error:
                self._tell(replace(step, intervals=self._taken_intervals(), error=error))
                raise
        step = replace(step, outputs=made.outputs, failed=made.failed, intervals=self._taken_intervals())
        self._uncommitted.append((step, made))
        if not self._together:
            self._commit(lambda commits: self.membership.commit(*commits))

    def work_in_lanes(self, small: Sequence[SmallStep]) -> None:
        """Do the work of several streams of one topic as one batch; to be called within `one_commit`."""
        topic = small[0].segment.topic
        lanes = [
            Lane(
                one.stream,
                one.segment.batch,
                one.segment.records,
                one.segment.watermark_us,
                self._feed(one.stream, one.segment),
            )
            for one in small
        ]
        steps = [
            self._begun(one.stream, [one.segment], one.refused, one.offsets, one.segment.watermark_us) for one in small
        ]
        with in_step(steps[0].id):
            try:
                with self.times.stage("operators"):
                    found = run_lanes(self.pipeline, topic, lanes, self.membership, self.times)
            except Exception as error:
                intervals = self._taken_intervals()
                for step in steps:
                    self._tell(replace(step, intervals=intervals, error=error))
                raise
            if found is None:
                for one in small:
                    self.work(
                        one.stream, [one.segment], one.refused, one.offsets, watermark_us=one.segment.watermark_us
                    )
                return
            outputs, results = found
            ends = [result.end for result in results]
            with self.times.stage("encode"):
                appends = [self._sinks.appends_of_each(output, ends) for output in outputs]
        intervals = self._taken_intervals()
        start = 0
        for number, (one, step, result) in enumerate(zip(small, steps, results, strict=True)):
            self.times.count("repeats", result.repeats)
            own = [output.slice(start, result.end - start) for output in outputs if result.end > start]
            start = result.end
            failed = [
                *step.failed,
                *((one.segment.part, record, _failure(error)) for record, error in result.failures),
            ]
            records = [record for of_each in appends for record in of_each[number]]
            commit = Commit(one.stream, one.offsets, records, result.changes)
            made = _Made(own, failed, records, len(one.segment.records) + len(one.refused), commit)
            made = self._made(made, one.segment.watermark_us)
            self._uncommitted.append((replace(step, outputs=own, failed=failed, intervals=intervals), made))

    @contextmanager
    def one_commit(self, together: CommitsTogether) -> Iterator[None]:
        """Let the steps of a block, each of another stream, wait for one commit behind it.

        An exception in the block, or of that commit, leaves nothing of any of them.
        """
        self._together = True
        try:
            yield
        except BaseException:
            self._uncommitted.clear()
            raise
        finally:
            self._together = False
        if self._uncommitted:
            self._commit(together.commit_together)

    def _commit(self, write: Callable[[Sequence[Commit]], None]) -> None:
        """Commit what was worked on, and tell of each step that it is over, or has failed."""
        done, self._uncommitted = self._uncommitted, []
        try:
            # Of several steps the first gives its name to what is logged meanwhile.
            with in_step(done[0][0].id), self.times.stage("commit"):
                write([made.commit for _, made in done])
        except Exception as error:
            self._over(done, error)
            raise
        self._over(done)

    def _over(self, done: Sequence[tuple[Step, _Made]], error: Exception | None = None) -> None:
        commit_took = self._taken_intervals()
        for step, made in done:
            if error is None:
                self._count(made)
            with in_step(step.id):
                self._tell(replace(step, intervals=[*step.intervals, *commit_took], error=error))

    def _taken_intervals(self) -> list[Interval]:
        """Return what was timed since the last time."""
        taken = list(self.times.intervals)
        self.times.intervals.clear()
        return taken

    def _count(self, made: _Made) -> None:
        self.times.count("in", made.rows_in)
        self.times.count("out", sum(one.topic not in self._internal for one in made.appends))
        self.times.count("dead letters", len(made.failed))
        self.times.step_rows.take(made.rows_in)
        for _, _, failure in made.failed:
            self.times.failed(failure.reason)

    def _tell(self, step: Step) -> None:
        if self._watch is not None:
            self._watch.tell(step)
        if step.error is None:
            log_step(step)

    def _work(
        self,
        stream: Stream,
        segments: Sequence[Segment],
        refused: Sequence[Failed],
        offsets: Mapping[TopicPartition, Offset],
        watermark_us: int | None,
        extra: Sequence[Append],
        idle_at: Mapping[TopicPartition, int] | None,
    ) -> _Made:
        """Return what came out, what failed, and what is to be committed."""
        states = self._memory(stream, watermark_us)
        outputs: list[pa.RecordBatch] = []
        failed = [*refused]
        with self.times.stage("operators"):
            for given in segments:
                if not given.batch.num_rows and states.is_empty:
                    continue  # time moves, and nothing falls due
                segment = self._without_repeats(given, states)
                batch = with_offsets(segment.batch, [record.offset for record in segment.records])
                result, states = run_isolated(
                    self.pipeline,
                    segment.topic,
                    batch,
                    states,
                    segment.watermark_us,
                    self._feed(stream, segment),
                    self.times.operator,
                )
                outputs += result.outputs
                for row, error in sorted(result.failures.items()):
                    failed.append((segment.part, segment.records[row], _failure(error)))
        with self.times.stage("encode"):
            appends = [append for output in outputs for append in self._sinks.appends(output)]
        rows_in = sum(len(segment.records) for segment in segments) + len(refused)
        commit = Commit(stream, offsets, [*appends, *extra], states.changes(), dict(idle_at or {}))
        return self._made(_Made(outputs, failed, appends, rows_in, commit), watermark_us)

    def _made(self, made: _Made, watermark_us: int | None) -> _Made:
        """Return what a step made with the letters of what failed, and with what has expired by then forgotten."""
        letters = [self._letter(*one) for one in made.failed]
        if letters:
            failpoint("in_dead_letter")
        if watermark_us is not None and self.pipeline.keyed:
            self.membership.forget_expired(made.commit.stream, watermark_us)
        return replace(made, commit=replace(made.commit, appends=[*made.commit.appends, *letters]))

    def _begun(
        self,
        stream: Stream,
        segments: Sequence[Segment],
        refused: Sequence[Refusal],
        offsets: Mapping[TopicPartition, Offset],
        watermark_us: int | None,
    ) -> Step:
        failed = [(one.part, one.record, one.failure) for one in refused]
        name = step_id(self.group, stream, offsets, watermark_us)
        return Step(name, self.pipeline, self.group, stream, segments, [], failed, [])

    def _feed(self, stream: Stream, segment: Segment) -> Feed:
        if stream.name not in self._feeds:
            self._feeds[stream.name] = feed_name(self.group, self.pipeline.name, stream.name)
        rank = self._ranks.get(segment.topic.name) if len(stream.parts) > 1 else None
        return Feed(self._feeds[stream.name], rank)

    def _without_repeats(self, segment: Segment, states: StateRows) -> Segment:
        """Leave out events that were delivered before; a pipeline without memory answers them as it did."""
        keyed = self.pipeline.keyed
        if not keyed or not segment.batch.num_rows:
            return segment
        first = first_deliveries(states, segment.topic, keyed[0].key, segment.batch, segment.records)
        if first is None:
            return segment
        self.times.count("repeats", int(len(first) - first.sum()))
        records = [record for record, is_first in zip(segment.records, first, strict=True) if is_first]
        return replace(segment, batch=segment.batch.filter(pa.array(first)), records=records)

    def _memory(self, stream: Stream, watermark_us: int | None) -> StateRows:
        """Return the memory of this step, with the keys in it whose deadline has come."""
        keyed = self.pipeline.keyed
        states = StateRows(keyed, lambda keys: self._load(stream, keys))
        if watermark_us is not None and any("deadline" in operator.state_schema.names for operator in keyed):
            with self.times.stage("memory"):
                for key, value in self.membership.due(stream, watermark_us):
                    states.put(key, value)
        return states

    def _load(self, stream: Stream, keys: Sequence[str]) -> list[bytes | None]:
        with self.times.stage("memory"):
            return self.membership.states(stream, keys)

    def _letter(self, part: TopicPartition, record: Record, failure: Failure) -> Append:
        return self._letters.letter(part.topic, part.partition, record, failure, self.clock())


def _failure(error: RowError) -> Failure:
    stage = {"infer_error": "INFER", "nan": "FEATURES"}.get(error.code, "FEATURES")
    return Failure(stage, error.code, error.message, error.operator)
