"""The Beam pipeline for streams without an end: read, then work keyed by the stream, with memory in Beam's state.

    streams  >  read (a splittable DoFn)  >  work (one stateful key a stream)  >  write outputs, write dead letters

The key is the stream, which is a partition: its rows are a total order, and 8 partitions a topic are parallelism enough
for the machines that a fleet needs, while keys of 64 shards would need watermarks sent to all of them and an order
restored behind every shuffle. Portions of a key come in order from every runner that was tried; should they not, the
stateful step holds back what came early until the chain is whole. No timers of Beam's: time is in the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam import coders, pvalue
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec

from pipelines.engines.beam_coders import register_coders
from pipelines.engines.beam_elements import Portion, StreamRange, Ticks, Written
from pipelines.engines.beam_job import DEAD_LETTERS, BeamJob, Write, count
from pipelines.engines.beam_source import ReadStream
from pipelines.engines.element_bytes import portion_of_bytes, portion_to_bytes
from pipelines.engines.kept_memory import KeptMemory
from pipelines.engines.live_worker import LiveWorker
from pipelines.engines.own_brokers import shared_broker
from pipelines.engines.stage_times import StageTimes
from pipelines.engines.ticks import read_ticks


class WorkOnStream(beam.DoFn):  # type: ignore[misc]
    """Works on the portions of a stream in the order of their chain."""

    KEPT = ReadModifyWriteStateSpec("kept", coders.BytesCoder())
    CHANGES = BagStateSpec("changes", coders.BytesCoder())
    EARLY = BagStateSpec("early", coders.BytesCoder())

    def __init__(self, job: BeamJob) -> None:
        self._job = job
        # What was worked on last, by stream: valid for as long as it stands where Beam's state says.
        self._workers: dict[str, LiveWorker] = {}
        # Ticks of a group, those too that a process wrote which died before its next checkpoint.
        self._written_ticks: dict[str, Ticks] = {}

    def setup(self) -> None:
        self._job.load_models()

    def process(
        self,
        element: tuple[str, Portion],
        kept_state: Any = beam.DoFn.StateParam(KEPT),  # noqa: B008 - Beam's way
        changes_state: Any = beam.DoFn.StateParam(CHANGES),  # noqa: B008
        early_state: Any = beam.DoFn.StateParam(EARLY),  # noqa: B008
    ) -> Iterator[Any]:
        key, portion = element
        kept = KeptMemory.read(kept_state.read())
        if kept is None:
            if portion.memory is None:
                if not portion.beat:
                    early_state.add(portion_to_bytes(portion))
                return
            kept = KeptMemory(portion.before)
            changes_state.add(kept.begin(portion.memory))
        if portion.before != kept.position:
            # What was done already is done again by nobody; what came early waits.
            if not portion.beat and not kept.is_behind(portion.after):
                early_state.add(portion_to_bytes(portion))
                kept.early += 1
                kept_state.write(kept.to_bytes())
            return
        worker = self._workers.get(key)
        if worker is None or (worker.position, worker.steps) != (kept.position, kept.steps):
            worker = self._restored(portion, kept, changes_state)
        todo: Portion | None = portion if not portion.beat else worker.tick(portion, kept.floor_us)
        while todo is not None:
            yield from self._work(worker, todo, kept, changes_state)
            todo = self._next(kept, early_state)
        kept_state.write(kept.to_bytes())
        self._workers[key] = worker

    def _work(self, worker: LiveWorker, portion: Portion, kept: KeptMemory, changes_state: Any) -> Iterator[Any]:
        outcome = worker.work(portion)
        if portion.extra:
            # Ticks first: what follows from them must never be seen without them.
            yield Written(portion.extra)
        if outcome.records:
            yield Written(outcome.records)
        if outcome.letters:
            yield pvalue.TaggedOutput(DEAD_LETTERS, Written(outcome.letters))
        count(portion.pipeline, worker.times)
        if outcome.states:
            changes_state.add(kept.changed(outcome.states))
        if kept.is_long:
            changes_state.clear()
            changes_state.add(kept.begin(worker.memory.all_rows()))
        kept.position, kept.floor_us = worker.position, worker.floor_us
        kept.steps = worker.steps = kept.steps + 1

    def _next(self, kept: KeptMemory, early_state: Any) -> Portion | None:
        """Take the portion that follows out of those that came early."""
        if not kept.early:
            return None
        waiting = [portion_of_bytes(one) for one in early_state.read()]
        found = next((one for one in waiting if one.before == kept.position), None)
        left = [one for one in waiting if one is not found and not kept.is_behind(one.after)]
        early_state.clear()
        for one in left:
            early_state.add(portion_to_bytes(one))
        kept.early = len(left)
        return found

    def _restored(self, portion: Portion, kept: KeptMemory, changes_state: Any) -> LiveWorker:
        job = self._job
        pipeline = job.pipelines[portion.pipeline]
        memory = kept.restore(portion.stream, changes_state.read())
        group = job.group_of(portion.pipeline)
        worker = LiveWorker(pipeline, memory, job.settings, group, StageTimes())
        worker.steps = kept.steps
        if job.settings.tick_s is not None and pipeline.keyed and not pipeline.merge:
            if group not in self._written_ticks:
                self._written_ticks[group] = read_ticks(shared_broker(job.open), group)
            worker.know(self._written_ticks[group].get(portion.stream.parts[0], ()))
        if kept.floor_us is not None:
            worker.know([(0, kept.floor_us)])
        return worker


def build_streaming(root: beam.Pipeline, job: BeamJob, streams: Sequence[StreamRange]) -> None:
    """Add the work on these streams to a Beam pipeline."""
    register_coders()
    outputs = (
        root
        | "streams" >> beam.Create(streams)
        | "read" >> beam.ParDo(ReadStream(job)).with_output_types(tuple[str, Portion])
        | "work" >> beam.ParDo(WorkOnStream(job)).with_outputs(DEAD_LETTERS, main="records")
    )
    _ = outputs.records | "write" >> beam.ParDo(Write(job))
    _ = outputs[DEAD_LETTERS] | "write dead letters" >> beam.ParDo(Write(job))
