"""Up to which moment of the clock all that lay before a stream, and before those that feed it, was worked through.

Each look puts a barrier behind everything that is written at that moment. When a stream has passed a barrier, all that
was there then has gone through it, though more may be under way by now: who asks about a moment ago need not wait for
that. Where pipelines feed one another a barrier moves down the chain: behind what feeders write, once they passed it.

The idea is that of a snapshot's markers (Chandy and Lamport, 1985) and of Flink's barriers; these lie beside the log,
in the memory of who asks, because no answer depends on them.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.broker import Broker, Offset, Stream, TopicPartition
from pipelines.engines.graph import feeding, feeds
from pipelines.engines.round_answers import RoundAnswers
from pipelines.pipeline import Pipeline

NEVER: Final = -(1 << 63)
# So many barriers may wait before one stream; one more is set when the first is passed.
MOST_WAITING: Final = 16


@dataclass(frozen=True, slots=True)
class _Barrier:
    """Where the partitions of a stream ended at a moment of the clock."""

    at_us: int
    ends: Mapping[TopicPartition, int]


@dataclass(slots=True)
class _Known:
    """The moment that a stream has gone past, and the barriers before it.

    `stood_at` is where it stood, and where its partitions ended, at the last look; `held_at` where it was seen to stand
    with a record before it.
    """

    passed_us: int = NEVER
    waiting: deque[_Barrier] = field(default_factory=deque)
    stood_at: tuple[int, ...] = ()
    held_at: tuple[int, ...] = ()


class Barriers:
    """Barriers before the streams of `pipeline`, and before all of `beside` and its upstream that feed them.

    The groups' names begin with `prefix`; `clock` gives microseconds since 1970.
    """

    def __init__(
        self,
        broker: Broker,
        answers: RoundAnswers,
        prefix: str,
        pipeline: Pipeline,
        beside: Sequence[Pipeline],
        clock: Callable[[], int],
    ) -> None:
        self._broker = broker
        self._answers = answers
        self._prefix = prefix
        self._pipeline = pipeline
        self._clock = clock
        self._chain = _chain(pipeline, beside)
        self._topics = sorted({topic.name for one in self._chain.values() for topic in one.sources})
        self._known: dict[tuple[str, Stream], _Known] = defaultdict(_Known)

    def look(self, streams: Sequence[Stream], *, exactly: bool) -> dict[Stream, int]:
        """Set barriers, and return for each stream the moment up to which it has worked through all; NEVER: unknown.

        Unless `exactly`, one that has nothing but holes before it is found out in a later look: that costs less.
        """
        seen = self._answers.found((self._pipeline.name, "barriers"), self._see)
        look = _Look(*seen, exactly)
        return {stream: self._passed(self._pipeline, stream, look) for stream in streams}

    def _see(self) -> tuple[int, Mapping[str, Mapping[TopicPartition, Offset]], Mapping[TopicPartition, int]]:
        # In this order: the moment, then where all stand, then what is written. So what was there at that moment lies
        # before the ends, and so does what a feeder had written that stood where it was seen.
        now_us = self._clock()
        places = {name: self._answers.places(f"{self._prefix}-{name}") for name in self._chain}
        return now_us, places, self._broker.written(self._topics)

    def _passed(self, pipeline: Pipeline, stream: Stream, look: _Look) -> int:
        if (found := look.passed_us.get((pipeline.name, stream))) is not None:
            return found
        feeders = [one for one in self._chain.values() if feeds(one, pipeline)]
        fed_us = [self._passed(feeder, one, look) for feeder in feeders for one in feeding(feeder, stream)]
        known = self._known[pipeline.name, stream]
        self._set(known, stream, min(fed_us, default=look.now_us), look)
        at = look.places[pipeline.name]
        while known.waiting and self._is_through(stream, known.waiting[0], at):
            known.passed_us = known.waiting.popleft().at_us
        if known.waiting and self._only_holes_follow(stream, known, at, look.exactly):
            known.passed_us = known.waiting[-1].at_us
            known.waiting.clear()
        look.passed_us[pipeline.name, stream] = known.passed_us
        return known.passed_us

    def _set(self, known: _Known, stream: Stream, at_us: int, look: _Look) -> None:
        newest_us = known.waiting[-1].at_us if known.waiting else known.passed_us
        if at_us > newest_us and len(known.waiting) < MOST_WAITING:
            known.waiting.append(_Barrier(at_us, {part: look.ends[part] for part in stream.parts}))

    def _is_through(self, stream: Stream, barrier: _Barrier, places: Mapping[TopicPartition, Offset]) -> bool:
        return all(_following(places.get(part)) >= barrier.ends[part] for part in stream.parts)

    def _only_holes_follow(
        self, stream: Stream, known: _Known, places: Mapping[TopicPartition, Offset], exactly: bool
    ) -> bool:
        """Whether nothing but the markers of transactions lies before the newest barrier, which one must look for."""
        before, ends = known.stood_at, known.waiting[-1].ends
        at = {part: _following(places.get(part)) for part in stream.parts}
        known.stood_at = (*at.values(), *ends.values())
        if known.held_at == tuple(at.values()) or not (exactly or known.stood_at == before):
            return False  # what is under way would have gone on by the next look
        left = [part for part in stream.parts if at[part] < ends[part]]
        if not self._broker.settled(sorted({part.topic for part in left})):
            return False  # an open transaction may hide more than its marker
        for part in left:
            first, end = self._broker.bounds(part)
            if max(at[part], first) < end:
                known.held_at = tuple(at.values())
                return False
        return True


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look saw, and what it has found out of it so far."""

    now_us: int
    places: Mapping[str, Mapping[TopicPartition, Offset]]
    ends: Mapping[TopicPartition, int]
    exactly: bool
    passed_us: dict[tuple[str, Stream], int] = field(default_factory=dict)


def _following(at: Offset | None) -> int:
    return 0 if at is None else at.next_offset


def _chain(pipeline: Pipeline, beside: Sequence[Pipeline]) -> dict[str, Pipeline]:
    """Return a pipeline and all that feed it, by name."""
    found = {pipeline.name: pipeline}
    waiting = [pipeline]
    while waiting:
        one = waiting.pop()
        for feeder in (*one.upstream, *beside):
            if feeder.name not in found and feeds(feeder, one):
                found[feeder.name] = feeder
                waiting.append(feeder)
    return found
