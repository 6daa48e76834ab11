"""The source of a job without an end: a splittable DoFn that names the streams once and then only stays.

It stays so that the job does: on Flink an input that has ended ends time itself, and with it every timer that is to
wake a stream. It pauses for an hour at a time, because a pause costs a piece of state there (see streaming.py).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam import coders
from apache_beam.io.restriction_trackers import OffsetRange, OffsetRestrictionTracker
from apache_beam.transforms.core import RestrictionProvider
from apache_beam.utils.timestamp import Duration

from pipelines.engines.beam.elements import StreamRange

PAUSE_S = 3600


class _Endless(OffsetRestrictionTracker):  # type: ignore[misc]
    def is_bounded(self) -> bool:
        return False


class _RangeCoder(coders.Coder):  # type: ignore[misc]
    def encode(self, value: OffsetRange) -> bytes:
        return f"{value.start} {value.stop}".encode()

    def decode(self, encoded: bytes) -> OffsetRange:
        return OffsetRange(*map(int, encoded.split()))

    def is_deterministic(self) -> bool:
        return True


class _Provider(RestrictionProvider):  # type: ignore[misc]
    def initial_restriction(self, element: bytes) -> OffsetRange:
        return OffsetRange(0, sys.maxsize)

    def create_tracker(self, restriction: OffsetRange) -> _Endless:
        return _Endless(restriction)

    def restriction_size(self, element: bytes, restriction: OffsetRange) -> float:
        return 1.0

    def restriction_coder(self) -> _RangeCoder:
        return _RangeCoder()

    def truncate(self, element: bytes, restriction: OffsetRange) -> None:
        """Stay no longer when the job is drained."""


class AnnounceStreams(beam.DoFn):  # type: ignore[misc]
    """Gives out every stream once, by its key; a job that goes on from a savepoint gives out none."""

    def __init__(self, streams: Sequence[StreamRange]) -> None:
        self._streams = streams

    @beam.DoFn.unbounded_per_element()  # type: ignore[untyped-decorator]
    def process(
        self,
        element: bytes,
        tracker: Any = beam.DoFn.RestrictionParam(_Provider()),  # noqa: B008 - Beam's way
    ) -> Iterator[tuple[str, StreamRange]]:
        if tracker.current_restriction().start == 0 and tracker.try_claim(0):
            for one in self._streams:
                yield f"{one.pipeline}:{one.stream.name}", one
        tracker.defer_remainder(Duration(seconds=PAUSE_S))
