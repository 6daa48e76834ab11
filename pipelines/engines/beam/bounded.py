"""The Beam pipeline for work that has an end: ranges of streams, read, worked on, written, and then committed.

    ranges, dealt out to the processes  >  read  >  work  >  write outputs   \
                                                    |   >  write dead letters  >  commit offsets and memory
                                                    +-- how each stream ends  /

A stream is read by one process from beginning to end, and Beam fuses reading, working and writing into one stage;
should a runner do otherwise, the chain of portions shows it (BrokenChain) and nothing is committed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import apache_beam as beam
from apache_beam import pvalue

from infra.broker import Broker, Commit, Fenced, Membership, Stream
from pipelines.engines.beam.coders import register_coders
from pipelines.engines.beam.elements import Portion, StreamEnd, StreamRange, Written
from pipelines.engines.beam.job import DEAD_LETTERS, BeamJob, Write, count
from pipelines.engines.graph import streams_of
from pipelines.engines.portion_worker import PortionWorker
from pipelines.engines.stage_times import StageTimes
from pipelines.engines.stream_memory import StreamMemory, position_of
from pipelines.engines.stream_reader import ReadUntil, StreamReader
from pipelines.pipeline import Pipeline

ENDS = "ends"
ASSIGNMENT_S = 60.0
LOOK_S = 0.1


class ReadRanges(beam.DoFn):  # type: ignore[misc]
    """Reads the ranges of one slot, one after the other, as portions."""

    def __init__(self, job: BeamJob) -> None:
        self._job = job
        self._broker: Broker | None = None

    def setup(self) -> None:
        self._broker = self._job.open()

    def process(self, slot: tuple[int, Iterable[StreamRange]]) -> Iterator[Portion]:
        for one in slot[1]:
            yield from self._portions(one)

    def teardown(self) -> None:
        if self._broker is not None:
            self._broker.close()

    def _portions(self, one: StreamRange) -> Iterator[Portion]:
        assert self._broker is not None
        pipeline = self._job.pipelines[one.pipeline]
        ends = dict(one.ends)
        if pipeline.merge:  # which must know that it has read everything: no end may lie behind a hole
            ends = {part: min(end, self._broker.bounds(part)[1]) for part, end in ends.items()}
        limited: Any = ReadUntil(self._broker, ends)  # all that a task asks of a broker
        reader = StreamReader(
            pipeline,
            limited,
            one.stream,
            one.offsets,
            self._job.settings,
            ticks=one.ticks,
            group=self._job.group_of(one.pipeline),
        )
        held: Portion | None = None  # until it is known whether it is the last
        memory: Sequence[Any] | None = one.memory
        for portion in reader.until(ends, self._halted):
            if held is not None:
                yield held
            held, memory = replace(portion, memory=memory), None
        if held is not None:
            yield replace(held, last=True)
        count(one.pipeline, reader.times)

    def _halted(self) -> bool:
        return self._job.halt is not None and self._job.halt.exists()


class WorkOn(beam.DoFn):  # type: ignore[misc]
    """Works on portions. Dead letters, and how the streams end, have outputs of their own."""

    def __init__(self, job: BeamJob) -> None:
        self._job = job
        self._workers: dict[tuple[str, Stream], PortionWorker] = {}

    def setup(self) -> None:
        self._job.load_models()

    def start_bundle(self) -> None:
        # A bundle that is tried again begins its ranges again.
        self._workers = {}

    def process(self, portion: Portion) -> Iterator[Any]:
        name = (portion.pipeline, portion.stream)
        if portion.memory is not None:
            self._workers[name] = self._begin(portion)
        worker = self._workers[name]
        outcome = worker.work(portion)
        if outcome.records:
            yield Written(outcome.records)
        if outcome.letters:
            yield pvalue.TaggedOutput(DEAD_LETTERS, Written(outcome.letters))
        count(portion.pipeline, worker.times)
        if portion.last:
            memory = self._workers.pop(name).memory
            end = StreamEnd(portion.pipeline, portion.stream, worker.before, dict(memory.offsets), memory.changes())
            yield pvalue.TaggedOutput(ENDS, end)

    def _begin(self, portion: Portion) -> PortionWorker:
        memory = StreamMemory.at(portion.stream, portion.before)
        memory.load(portion.memory or ())
        pipeline = self._job.pipelines[portion.pipeline]
        return PortionWorker(pipeline, memory, self._job.settings, self._job.group_of(portion.pipeline), StageTimes())


class CommitEnds(beam.DoFn):  # type: ignore[misc]
    """Commits offsets and memory of all the streams. Its side inputs are there when everything has been written."""

    def __init__(self, job: BeamJob) -> None:
        self._job = job

    def process(self, ends: tuple[int, Iterable[StreamEnd]], *written: Iterable[int]) -> None:
        by_pipeline: dict[str, list[StreamEnd]] = {}
        for end in ends[1]:
            by_pipeline.setdefault(end.pipeline, []).append(end)
        with self._job.open() as broker:
            for name, found in by_pipeline.items():
                self._commit(broker, self._job.pipelines[name], found)

    def _commit(self, broker: Broker, pipeline: Pipeline, ends: Sequence[StreamEnd]) -> None:
        group = self._job.group_of(pipeline.name)
        membership = broker.join(group, self._job.instance, streams_of(pipeline))
        try:
            wait_for_streams(membership, streams_of(pipeline), group)
            for end in ends:
                offsets = {part: at for part in end.stream.parts if (at := membership.offset(part)) is not None}
                if position_of(offsets) != end.before:
                    raise Fenced(
                        f"group {group} stands elsewhere in {end.stream.name} than when this job began: somebody else "
                        "worked on it meanwhile; nothing was committed, its outputs have the same ids"
                    )
                membership.commit(Commit(end.stream, end.offsets, (), end.states))
        finally:
            membership.leave()


def wait_for_streams(membership: Membership, streams: Sequence[Stream], group: str) -> None:
    """Return when the membership owns all the streams; Fenced when others keep some of them."""
    waited = time.monotonic() + ASSIGNMENT_S
    while set(membership.owned()) != set(streams):
        if time.monotonic() > waited:
            raise Fenced(
                f"group {group}: expected all of its {len(streams)} streams within {ASSIGNMENT_S:.0f} s, got "
                f"{len(membership.owned())}; is another engine at work in this group?"
            )
        time.sleep(LOOK_S)


def build(root: beam.Pipeline, job: BeamJob, ranges: Sequence[StreamRange], slots: int) -> None:
    """Add the work on these ranges to a Beam pipeline, dealt out evenly to `slots`."""
    register_coders()
    outputs = (
        root
        | "ranges" >> beam.Create(dealt(ranges, slots))
        | "deal out" >> beam.GroupByKey()
        | "read" >> beam.ParDo(ReadRanges(job)).with_output_types(Portion)
        | "work" >> beam.ParDo(WorkOn(job)).with_outputs(DEAD_LETTERS, ENDS, main="records")
    )
    written = outputs.records | "write" >> beam.ParDo(Write(job)).with_output_types(int)
    letters = outputs[DEAD_LETTERS] | "write dead letters" >> beam.ParDo(Write(job)).with_output_types(int)
    _ = (
        outputs[ENDS]
        | "as one" >> beam.Map(lambda end: (0, end)).with_output_types(tuple[int, StreamEnd])
        | "all ends" >> beam.GroupByKey()
        | "commit" >> beam.ParDo(CommitEnds(job), pvalue.AsIter(written), pvalue.AsIter(letters))
    )


def dealt(ranges: Sequence[StreamRange], slots: int) -> list[tuple[int, StreamRange]]:
    """Deal ranges out, the longest first, each to the slot that has the least to do."""
    loads = [0] * slots
    out = []
    for one in sorted(ranges, key=lambda one: one.length, reverse=True):
        slot = loads.index(min(loads))
        loads[slot] += one.length
        out.append((slot, one))
    return out
