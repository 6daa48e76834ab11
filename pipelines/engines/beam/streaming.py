"""The Beam pipeline for streams without an end: one stateful key a stream, which a timer wakes to read on and work.

    streams  >  run (stateful, woken by its timer)  >  write outputs, write dead letters, let offsets follow

The key is the stream, which is a partition: its rows are a total order, and 8 partitions a topic are parallelism enough
for a fleet. Where it stands and what its keys remember is Beam's state, so a checkpoint holds both; offsets of the
group follow complete checkpoints, for lag and for people, never as the truth. Beam's timer only wakes: time is in the
rows, and what falls due is found there.

Why no splittable DoFn: on Flink each of its pauses leaves a piece of state behind for ever (apache/beam issue 27648;
mended in July 2026). Sixteen streams that paused four times a second took a checkpoint from 0.4 MB to 40 MB, and from
half a second to 43, in four minutes. And a stateful key that reads for itself needs no order restored behind a shuffle.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import apache_beam as beam
from apache_beam import coders, pvalue
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec, TimerSpec, on_timer
from apache_beam.utils.timestamp import Timestamp

from infra.broker import BrokerUnavailable, Fenced, Stream
from pipelines.engines.beam.announce import AnnounceStreams
from pipelines.engines.beam.coders import register_coders
from pipelines.engines.beam.elements import StreamEnd, StreamRange, Written
from pipelines.engines.beam.job import DEAD_LETTERS, BeamJob, Write, count
from pipelines.engines.element_bytes import range_of_bytes, range_to_bytes
from pipelines.engines.kept_memory import KeptMemory
from pipelines.engines.live_stream import LiveStream
from pipelines.engines.own_brokers import shared_broker
from pipelines.engines.place import ELSEWHERE
from pipelines.engines.stream_memory import Position, position_of

PLACES = "places"
# How long a stream works when it is woken; a checkpoint waits for those that are at work.
MOMENT_S = 0.25

# How often a place is given out again that the group's offsets have not followed to yet.
FOLLOW_S = 2.0
# How far the offsets of a group have followed, by job, pipeline and stream.
_FOLLOWED: dict[tuple[str, str, Stream], Position] = {}

# Streams between two moments, by job and key: whoever goes on in the state in which one was left takes it.
_STREAMS: dict[tuple[str, str], LiveStream] = {}
_TAKING = threading.Lock()


class RunStream(beam.DoFn):  # type: ignore[misc]
    """Runs one stream."""

    ABOUT = ReadModifyWriteStateSpec("about", coders.BytesCoder())
    KEPT = ReadModifyWriteStateSpec("kept", coders.BytesCoder())
    CHANGES = BagStateSpec("changes", coders.BytesCoder())
    WAKE = TimerSpec("wake", TimeDomain.REAL_TIME)

    def __init__(self, job: BeamJob) -> None:
        self._job = job

    def setup(self) -> None:
        self._job.load_models()

    def process(
        self,
        element: tuple[str, StreamRange],
        about: Any = beam.DoFn.StateParam(ABOUT),  # noqa: B008 - Beam's way
        kept_state: Any = beam.DoFn.StateParam(KEPT),  # noqa: B008
        changes: Any = beam.DoFn.StateParam(CHANGES),  # noqa: B008
        wake: Any = beam.DoFn.TimerParam(WAKE),  # noqa: B008
    ) -> None:
        """Begin the stream where its group stands."""
        _, begin = element
        kept = KeptMemory(position_of(begin.offsets))
        changes.add(kept.begin(begin.memory))
        kept_state.write(kept.to_bytes())
        about.write(range_to_bytes(replace(begin, memory=(), offsets={})))
        wake.set(Timestamp.now())

    @on_timer(WAKE)  # type: ignore[untyped-decorator]
    def go_on(
        self,
        key: Any = beam.DoFn.KeyParam,
        about: Any = beam.DoFn.StateParam(ABOUT),  # noqa: B008
        kept_state: Any = beam.DoFn.StateParam(KEPT),  # noqa: B008
        changes: Any = beam.DoFn.StateParam(CHANGES),  # noqa: B008
        wake: Any = beam.DoFn.TimerParam(WAKE),  # noqa: B008
    ) -> Iterator[Any]:
        """Read on and work for a moment."""
        about_stream = range_of_bytes(about.read())
        kept = KeptMemory.read(kept_state.read())
        assert kept is not None
        live = self._taken(key, about_stream, kept, changes)
        moment = live.work(MOMENT_S)
        if moment.records:
            yield Written(moment.records)
        if moment.letters:
            yield pvalue.TaggedOutput(DEAD_LETTERS, Written(moment.letters))
        if moment.states:
            changes.add(kept.changed(moment.states))
        if kept.is_long:
            changes.clear()
            changes.add(kept.begin(live.memory.all_rows()))
        if _must_follow(self._job, about_stream, live, moved=live.position != kept.position):
            place = StreamEnd(about_stream.pipeline, about_stream.stream, kept.position, dict(live.memory.offsets), ())
            yield pvalue.TaggedOutput(PLACES, place)
        if live.position != kept.position or moment.states:
            kept.position = live.position
            kept_state.write(kept.to_bytes())
        count(about_stream.pipeline, live.times)
        live.version = (kept.position, kept.entries)
        with _TAKING:
            _STREAMS[self._job.run, key] = live
        wake.set(Timestamp.now() + (self._job.settings.poll_s if moment.idle else 0))

    def _taken(self, key: str, about: StreamRange, kept: KeptMemory, changes: Any) -> LiveStream:
        with _TAKING:
            live = _STREAMS.pop((self._job.run, key), None)
        if live is not None and live.version == (kept.position, kept.entries):
            return live
        job = self._job
        memory = kept.restore(about.stream, changes.read())
        group = job.group_of(about.pipeline)
        pipelines = tuple(job.pipelines.values())
        broker = shared_broker(job.open)
        return LiveStream(job.pipelines[about.pipeline], broker, memory, job.settings, group, beside=pipelines)


def _must_follow(job: BeamJob, about: StreamRange, live: LiveStream, *, moved: bool) -> bool:
    """Whether to give out where a stream stands: it has moved, or the offsets did not follow when it did."""
    now = time.monotonic()
    behind = live.position != _FOLLOWED.get((job.run, about.pipeline, about.stream), ())
    if moved or (behind and now - live.told > FOLLOW_S):
        live.told = now
        return True
    return False


class FollowPlaces(beam.DoFn):  # type: ignore[misc]
    """Lets the group's offsets follow when a checkpoint is complete; what fails is tried again with a later one."""

    def __init__(self, job: BeamJob) -> None:
        self._job = job

    def process(self, place: StreamEnd, finalizer: Any = beam.DoFn.BundleFinalizerParam) -> None:
        finalizer.register(lambda: self._commit(place))

    def _commit(self, place: StreamEnd) -> None:
        offsets = place.offsets
        if self._job.pipelines[place.pipeline].keyed:
            offsets = {part: replace(at, note=f"{ELSEWHERE}{at.note}") for part, at in offsets.items()}
        try:
            shared_broker(self._job.open).commit_offsets(self._job.group_of(place.pipeline), offsets)
        except (BrokerUnavailable, Fenced) as error:
            logging.getLogger(__name__).warning("offsets were not committed: %s", error)
        else:
            _FOLLOWED[self._job.run, place.pipeline, place.stream] = position_of(place.offsets)


def build_streaming(root: beam.Pipeline, job: BeamJob, streams: Sequence[StreamRange]) -> None:
    """Add the work on these streams to a Beam pipeline."""
    register_coders()
    outputs = (
        root
        | "one" >> beam.Impulse()
        | "streams" >> beam.ParDo(AnnounceStreams(streams)).with_output_types(tuple[str, StreamRange])
        | "run" >> beam.ParDo(RunStream(job)).with_outputs(DEAD_LETTERS, PLACES, main="records")
    )
    _ = outputs.records | "write" >> beam.ParDo(Write(job))
    _ = outputs[DEAD_LETTERS] | "write dead letters" >> beam.ParDo(Write(job))
    _ = outputs[PLACES] | "offsets follow" >> beam.ParDo(FollowPlaces(job))
