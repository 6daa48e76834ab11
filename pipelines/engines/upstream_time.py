"""How far the streams have come that write into a re-keyed partition: read where they commit it, so it costs nothing.

A stream commits its outputs and its place together. So who first asks how far a stream has come, and then reads what
is written, has seen all that the stream wrote until then: nothing with an earlier time can follow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from infra.broker import Broker, Offset, Stream, TopicPartition
from pipelines.engines.barriers import NEVER, Barriers
from pipelines.engines.graph import streams_of
from pipelines.engines.place import ELSEWHERE, place_of
from pipelines.engines.round_answers import RoundAnswers
from pipelines.engines.work import Worker
from pipelines.pipeline import Pipeline
from schemas.topic import Topic

WITHOUT_END: Final = 1 << 62
# A fed stream in which nothing happens commits how far its time has come when it has moved by so much.
STRIDE_US: Final = 5_000_000


@dataclass(frozen=True, slots=True)
class _Seen:
    """How far a stream had come when it was last seen to move, and when that was by the clock."""

    time_us: int
    at_us: int


class UpstreamTime:
    """The time of the streams of `pipeline`, in the job whose groups begin with `prefix`, that feed one partition.

    Where the two topics have the same key and as many partitions, partition N is fed by the streams of partition N
    alone; else by all of them. `clock` is read by what a live job asks before a tick, and by nothing else.
    """

    def __init__(
        self,
        broker: Broker,
        prefix: str,
        pipeline: Pipeline,
        topic_key: str,
        partition: int,
        *,
        lateness_us: int,
        beside: Sequence[Pipeline] = (),
        answers: RoundAnswers | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self._broker = broker
        self._clock = clock
        self._seen: dict[Stream, _Seen] = {}
        self._answers = answers or RoundAnswers(broker)
        self._prefix = prefix
        self._pipeline = pipeline
        self._lateness_us = lateness_us
        self._barriers = None if clock is None else Barriers(broker, self._answers, prefix, pipeline, beside, clock)
        kept = all(source.key == topic_key for source in pipeline.sources)
        self._streams = [
            stream for stream in streams_of(pipeline) if not kept or stream.parts[0].partition == partition
        ]

    def passed(self) -> int:
        """Return the time that all of them have passed; NEVER while one of them has not said any."""
        times = self._times()
        if self._clock is not None:
            now_us = self._clock()
            for stream, time_us in times.items():
                if (seen := self._seen.get(stream)) is None or seen.time_us != time_us:
                    self._seen[stream] = _Seen(time_us, now_us)
        return min(times.values())

    def is_readable(self, topic: str) -> bool:
        """Tell whether all that they had written when `passed` was asked can be read."""
        return self._answers.settled(topic)

    def end(self, part: TopicPartition) -> int:
        """Return where a partition ends, asked behind `passed` and `is_readable`."""
        return self._answers.end(part)

    def is_prompt(self, still_us: int) -> bool:
        """Whether each stream stands still for so long, or was up to date when it last moved.

        Up to date is who shows rows no older than the lateness: time that moves by the clock makes none of those late
        that follow. One that moves and is older catches up, perhaps with what some other process understood late.
        """
        if self._clock is None:
            return False
        now_us = self._clock()
        return len(self._seen) == len(self._streams) and all(
            now_us - seen.at_us >= still_us or seen.time_us + 2 * self._lateness_us >= seen.at_us
            for seen in self._seen.values()
        )

    def passed_by_the_clock(self, *, exactly: bool = True) -> int:
        """Return the time that a tick may move to: no row follows from upstream that is on time and earlier.

        That is for each stream the time it has passed, or the lateness before a moment by the clock up to which all
        that lay before it is worked through. Unless `exactly`, one may be taken for busy that has nothing but holes
        before it: that is sooner asked.
        """
        times = self._times()
        if self._barriers is None:
            return min(times.values())
        moments = self._barriers.look(self._streams, exactly=exactly)
        return min(max(times[one], moments[one] - self._lateness_us) for one in self._streams)

    def _times(self) -> dict[Stream, int]:
        times = self._answers.found((self._pipeline.name, "times"), self._times_of_all)
        return {stream: times[stream] for stream in self._streams}

    def _times_of_all(self) -> dict[Stream, int]:
        places = self._answers.places(f"{self._prefix}-{self._pipeline.name}")
        return times_of(self._pipeline, places, self._lateness_us)


def times_of(pipeline: Pipeline, places: Mapping[TopicPartition, Offset], lateness_us: int) -> dict[Stream, int]:
    """Return the time that each stream of a pipeline has passed by its committed places; NEVER where none is said."""
    times = {}
    for stream in streams_of(pipeline):
        found = []
        for part in stream.parts:
            place, frontier_us = place_of(_told(places.get(part)), 0)
            at = frontier_us if pipeline.merge else place.watermark_us(lateness_us)
            found.append(NEVER if at is None else at)
        # A merge commits its one frontier with all its parts.
        times[stream] = max(found) if pipeline.merge else min(found)
    return times


def upstream_of(worker: Worker, topic: Topic, partition: int) -> UpstreamTime | None:
    """Return the time of the streams that write a partition which a worker's pipeline reads; None if none is told."""
    prefix = worker.group.removesuffix(f"-{worker.pipeline.name}")
    for feeder in worker.pipeline.upstream:
        if topic.name in {sink.topic.name for sink in feeder.sinks}:
            lateness_us = worker.settings.rules.lateness_us
            return UpstreamTime(
                worker.broker,
                prefix,
                feeder,
                topic.key,
                partition,
                lateness_us=lateness_us,
                beside=worker.beside,
                answers=worker.answers,
                clock=worker.clock,
            )
    return None


def has_come_as_far(broker: Broker, prefix: str, pipeline: Pipeline, lateness_us: int) -> bool:
    """Whether the streams of a pipeline have committed all the time that those have passed which feed them."""
    places = broker.places(f"{prefix}-{pipeline.name}")
    for stream in streams_of(pipeline):
        for part, topic in zip(stream.parts, pipeline.sources, strict=True):
            _, frontier_us = place_of(_told(places.get(part)), 0)
            for feeder in pipeline.upstream:
                if topic.name in {sink.topic.name for sink in feeder.sinks}:
                    time = UpstreamTime(broker, prefix, feeder, topic.key, part.partition, lateness_us=lateness_us)
                    if time.passed() > (NEVER if frontier_us is None else frontier_us):
                        return False
    return True


def has_its_time(broker: Broker, prefix: str, pipeline: Pipeline, part: TopicPartition, lateness_us: int) -> bool:
    """Whether the stream of a partition has come as far as those let it that feed it: what it holds waits for them.

    A stream commits how far its time has come in strides, so it may be one behind.
    """
    places = broker.places(f"{prefix}-{pipeline.name}")
    for stream in (stream for stream in streams_of(pipeline) if part in stream.parts):
        _, frontier_us = place_of(_told(places.get(part)), 0)
        for topic in pipeline.sources:
            for feeder in (one for one in pipeline.upstream if topic.name in {sink.topic.name for sink in one.sinks}):
                number = stream.parts[0].partition
                time = UpstreamTime(broker, prefix, feeder, topic.key, number, lateness_us=lateness_us)
                if time.passed() < (NEVER if frontier_us is None else frontier_us) + STRIDE_US:
                    return True
    return False


def _told(at: Offset | None) -> Offset | None:
    """Return a place as its note tells it, wherever the memory lies that belongs to it."""
    return None if at is None else replace(at, note=at.note.removeprefix(ELSEWHERE))
