"""The source of a stream without an end: a splittable DoFn over the Broker port, so it reads Kafka and SQLite alike.

Its restriction is where the stream stands. It reads for a moment, gives the rest back (`defer_remainder`), and is
called again where it stopped; so bundles are bounded and every checkpoint of the runner holds the place of every
stream. When a checkpoint is complete, everything before it has been written, and the group's offsets follow (bundle
finalization): for lag and for people, never as the truth, which is the checkpoint.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
import msgspec
from apache_beam import coders
from apache_beam.io.iobase import RestrictionProgress, RestrictionTracker
from apache_beam.transforms.core import RestrictionProvider
from apache_beam.utils.timestamp import Duration

from infra.broker import BrokerUnavailable, Fenced, Stream
from pipelines.engines.beam_elements import Portion, StreamRange
from pipelines.engines.beam_job import BeamJob
from pipelines.engines.own_brokers import shared_broker
from pipelines.engines.stream_memory import Offsets, Position, offsets_of, position_of
from pipelines.engines.stream_reader import StreamReader
from pipelines.engines.ticks import read_ticks

# How long one bundle reads. A checkpoint waits for the bundles that are open.
BUNDLE_S = 0.5
# Marks a place whose memory lies in a job's checkpoint: no engine can go on there by the broker alone.
ELSEWHERE = "elsewhere:"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A restriction: from where a stream stands, up to where it was cut; None: for ever."""

    start: Position
    stop: Position | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[Position, Position | None]).decode


class StretchCoder(coders.Coder):  # type: ignore[misc]
    """Of a Stretch."""

    def encode(self, value: Stretch) -> bytes:
        return _encode((value.start, value.stop))

    def decode(self, encoded: bytes) -> Stretch:
        return Stretch(*_decode(encoded))

    def is_deterministic(self) -> bool:
        return True


class StretchTracker(RestrictionTracker):  # type: ignore[misc]
    """Cut it may be only where its reader stands: what lies ahead has no known places to cut at."""

    def __init__(self, stretch: Stretch) -> None:
        self._stretch = stretch
        self._at = stretch.start

    def current_restriction(self) -> Stretch:
        return self._stretch

    def current_progress(self) -> RestrictionProgress:
        return RestrictionProgress(completed=0, remaining=1)

    def try_claim(self, position: Position) -> bool:
        """Claim everything up to `position`."""
        if self._stretch.stop is not None:
            return False
        self._at = position
        return True

    def try_split(self, fraction_of_remainder: float) -> tuple[Stretch, Stretch] | None:
        if self._stretch.stop is not None:
            return None
        self._stretch = Stretch(self._stretch.start, self._at)
        return self._stretch, Stretch(self._at)

    def check_done(self) -> None:
        if self._stretch.stop != self._at:
            raise ValueError(f"expected to have read up to {self._stretch.stop}, got to {self._at}; this is a bug")

    def is_bounded(self) -> bool:
        return self._stretch.stop is not None


class StreamProvider(RestrictionProvider):  # type: ignore[misc]
    """Where the streams begin: where their group stands, as the element says."""

    def initial_restriction(self, element: StreamRange) -> Stretch:
        return Stretch(position_of(element.offsets))

    def create_tracker(self, restriction: Stretch) -> StretchTracker:
        return StretchTracker(restriction)

    def restriction_size(self, element: StreamRange, restriction: Stretch) -> float:
        return 1.0

    def restriction_coder(self) -> StretchCoder:
        return StretchCoder()

    def truncate(self, element: StreamRange, restriction: Stretch) -> None:
        """Leave nothing to read when the job is drained."""


class ReadStream(beam.DoFn):  # type: ignore[misc]
    """Reads a stream on and on, as portions keyed by the stream."""

    def __init__(self, job: BeamJob) -> None:
        self._job = job

    @beam.DoFn.unbounded_per_element()  # type: ignore[untyped-decorator]
    def process(
        self,
        element: StreamRange,
        finalizer: Any = beam.DoFn.BundleFinalizerParam,
        # Beam passes the tracker by name and the others by place, so it comes last.
        tracker: Any = beam.DoFn.RestrictionParam(StreamProvider()),  # noqa: B008 - Beam's way
    ) -> Iterator[tuple[str, Portion]]:
        key = f"{element.pipeline}:{element.stream.name}"
        first, start = position_of(element.offsets), tracker.current_restriction().start
        reader = _taken_reader(self._job, element, start)
        until = time.monotonic() + BUNDLE_S
        claimed = True
        portions: list[Portion] | None = []
        while claimed and portions is not None and time.monotonic() < until:
            portions = reader.next()
            for portion in portions or ():
                claimed = claimed and tracker.try_claim(portion.after)
                if claimed:
                    yield key, replace(portion, memory=element.memory) if portion.before == first else portion
        if claimed:  # else the reader has read too far, and who goes on makes a new one
            for portion in reader.quiet(self._job.settings.tick_s) if portions is None else ():
                if tracker.try_claim(portion.before if portion.beat else portion.after):
                    yield key, portion
            if reader.position != start:
                offsets = reader.offsets
                finalizer.register(lambda: self._commit(element, offsets))
            _keep_reader(self._job, element, reader)
            tracker.defer_remainder(Duration(seconds=self._job.settings.poll_s if portions is None else 0))

    def _commit(self, element: StreamRange, offsets: Offsets) -> None:
        """Let the group follow a complete checkpoint; another try comes with the next one."""
        marked = offsets
        if self._job.pipelines[element.pipeline].keyed:
            marked = {part: replace(at, note=f"{ELSEWHERE}{at.note}") for part, at in offsets.items()}
        try:
            shared_broker(self._job.open).commit_offsets(self._job.group_of(element.pipeline), marked)
        except (BrokerUnavailable, Fenced) as error:
            logging.getLogger(__name__).warning("offsets were not committed: %s", error)


# Readers between two bundles, by job and stream: whoever goes on at the place where one stands takes it.
_READERS: dict[tuple[str, str, Stream], StreamReader] = {}
_TAKING = threading.Lock()


def _taken_reader(job: BeamJob, element: StreamRange, start: Position) -> StreamReader:
    with _TAKING:
        kept = _READERS.pop((job.run, element.pipeline, element.stream), None)
    if kept is not None and kept.position == start:
        return kept
    broker, pipeline = shared_broker(job.open), job.pipelines[element.pipeline]
    group = job.group_of(element.pipeline)
    # A merge reads by its ticks, those too that a process wrote which died before its next checkpoint.
    ticks = read_ticks(broker, group) if pipeline.merge else {}
    return StreamReader(pipeline, broker, element.stream, offsets_of(start), job.settings, group=group, ticks=ticks)


def _keep_reader(job: BeamJob, element: StreamRange, reader: StreamReader) -> None:
    with _TAKING:
        _READERS[job.run, element.pipeline, element.stream] = reader
