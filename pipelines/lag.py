"""Lag: what a group of a job has still before it, in records and in seconds, by partition."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from infra.broker import Broker, TopicPartition


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a group is in one partition.

    `records` lie between its place and the end (on Kafka at most so many, for offsets have holes); the first of them
    arrived at `waiting_since_us`, microseconds since 1970, None when nothing waits.
    """

    part: TopicPartition
    next_offset: int
    records: int
    waiting_since_us: int | None

    def seconds(self, now_us: int) -> float:
        """How long the first waiting record has waited; the metric `lag_s`."""
        return 0.0 if self.waiting_since_us is None else max(now_us - self.waiting_since_us, 0) / 1e6


def lags_of(broker: Broker, group: str) -> list[Lag]:
    """Return the lag of a group in every partition of the topics that it reads, in their order."""
    placed = broker.places(group)
    existing = broker.topics()
    topics = [topic for topic in dict.fromkeys(part.topic for part in placed) if topic in existing]
    ends = broker.ends(topics) if topics else {}
    parts = sorted(ends, key=lambda part: (part.topic, part.partition))
    return [_lag(broker, part, None if part not in placed else placed[part].next_offset, ends[part]) for part in parts]


def standing(before: Iterable[Lag], after: Iterable[Lag], *, now_us: int, patience_s: float) -> list[Lag]:
    """Return the partitions where records have waited for longer than `patience_s` and nothing moved between two looks.

    A group that works moves on within a moment; one that stands is not running, or hangs.
    """
    places = {lag.part: lag.next_offset for lag in before}
    return [lag for lag in after if lag.seconds(now_us) > patience_s and places.get(lag.part) == lag.next_offset]


def _lag(broker: Broker, part: TopicPartition, place: int | None, end: int) -> Lag:
    if place is not None and place >= end:
        return Lag(part, place, 0, None)
    first, end = broker.bounds(part)
    place = first if place is None else max(place, first)
    if place >= end:
        return Lag(part, place, 0, None)
    waiting = broker.read(part, place, max_records=1, max_bytes=1)
    return Lag(part, place, end - place, waiting[0].timestamp_us if waiting else None)
