"""How the topics and the jobs of a broker stand: records, how fast they come, how far each group is.

How fast a topic grows and a group goes on is what has come since an earlier look, a minute ago at most: one question
for all ends costs the same on any broker; the time index asks one a partition, and only for the hour of a single topic.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

from infra.broker import Broker, TopicPartition
from pipelines.lag import Lag, lags_of
from pipelines.records_in_order import end_of, parts_of
from pipelines.seen_event import time_text
from schemas.catalog import TOPICS

BARS: Final = 20
SPEED_OVER_S: Final = 60.0
LEAST_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class TopicLook:
    """One topic. `records` counts offsets from the first kept one; `records_per_s` is None at the first look."""

    name: str
    partitions: int
    records: int
    records_per_s: float | None

    @property
    def known(self) -> bool:
        """Whether hubbub declares it."""
        return self.name in TOPICS

    @property
    def description(self) -> str:
        """What it holds, in English; empty for a topic of somebody's own."""
        return TOPICS[self.name].description if self.known else ""

    @property
    def internal(self) -> bool:
        """Whether it is hubbub's own bookkeeping."""
        return self.name.startswith("hubbub.") or (self.known and TOPICS[self.name].internal)


@dataclass(frozen=True, slots=True)
class GroupLook:
    """One group. `waiting_s` is how long the first record has waited; `records_per_s` is None at the first look."""

    name: str
    lags: tuple[Lag, ...]
    waiting_s: float
    records_per_s: float | None

    @property
    def behind(self) -> int:
        """How many records lie before it."""
        return sum(lag.records for lag in self.lags)

    @property
    def topics(self) -> list[str]:
        """The topics that it reads."""
        return list(dict.fromkeys(lag.part.topic for lag in self.lags))


@dataclass(frozen=True, slots=True)
class PartLook:
    """One partition: first kept offset, end, and when its last record arrived (microseconds; None while empty)."""

    partition: int
    first: int
    end: int
    last_us: int | None

    @property
    def last(self) -> str:
        """When its last record arrived, RFC 3339; empty while it is."""
        return "" if self.last_us is None else time_text(self.last_us)


class EarlierLooks:
    """Remembers where topics and groups were at earlier looks, and where partitions begin; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, deque[tuple[float, int]]] = {}
        self._firsts: dict[TopicPartition, tuple[float, int]] = {}

    def speed(self, name: str, place: int, now_s: float) -> float | None:
        """Return records a second since the oldest look of the last minute; None when there is none."""
        with self._lock:
            seen = self._seen.setdefault(name, deque(maxlen=64))
            while len(seen) > 1 and now_s - seen[0][0] > SPEED_OVER_S:
                seen.popleft()
            before = seen[0] if seen and now_s - seen[0][0] >= LEAST_S else None
            if not seen or now_s - seen[-1][0] >= LEAST_S:
                seen.append((now_s, place))
        return None if before is None else max(place - before[1], 0) / (now_s - before[0])

    def first(self, broker: Broker, part: TopicPartition, now_s: float) -> int:
        """Return the first kept offset of a partition, as it was a minute ago at most: only retention moves it."""
        with self._lock:
            at_s, first = self._firsts.get(part, (-SPEED_OVER_S, 0))
        if now_s - at_s >= SPEED_OVER_S:
            first = broker.bounds(part)[0]
            with self._lock:
                self._firsts[part] = now_s, first
        return first


def topic_looks(broker: Broker, earlier: EarlierLooks, now_us: int) -> list[TopicLook]:
    """Return every topic of the broker: those that hubbub declares in its order, then others by name."""
    existing, now_s = broker.topics(), now_us / 1e6
    names = [name for name in TOPICS if name in existing] + sorted(name for name in existing if name not in TOPICS)
    ends: dict[str, int] = dict.fromkeys(names, 0)
    firsts = dict.fromkeys(names, 0)
    for part, end in broker.ends(names).items() if names else ():
        ends[part.topic] += end
        firsts[part.topic] += min(earlier.first(broker, part, now_s), end) if end else 0
    return [
        TopicLook(name, existing[name], ends[name] - firsts[name], earlier.speed(f"topic {name}", ends[name], now_s))
        for name in names
    ]


def group_looks(broker: Broker, earlier: EarlierLooks, now_us: int) -> list[GroupLook]:
    """Return every group that has committed anything."""
    return [_group(broker, name, earlier, now_us) for name in broker.groups()]


def part_looks(broker: Broker, topic: str) -> list[PartLook]:
    """Return the partitions of a topic."""
    return [_part(broker, part) for part in parts_of(broker, topic)]


def arrivals(broker: Broker, topic: str, until_us: int, span_us: int) -> list[int]:
    """Return how many records arrived in each of BARS equal parts of the time before `until_us`, the oldest first."""
    edges = [until_us - span_us * (BARS - number) // BARS for number in range(BARS)]
    counts = [0] * BARS
    for part in parts_of(broker, topic):
        first, end = broker.bounds(part)
        if first >= end:
            continue
        places = [*(broker.offset_at(part, edge) for edge in edges), broker.offset_at(part, until_us)]
        for number in range(BARS):
            counts[number] += max(min(places[number + 1], end) - max(places[number], first), 0)
    return counts


def _group(broker: Broker, name: str, earlier: EarlierLooks, now_us: int) -> GroupLook:
    lags = tuple(lags_of(broker, name))
    waiting = max((lag.seconds(now_us) for lag in lags), default=0.0)
    return GroupLook(
        name, lags, waiting, earlier.speed(f"group {name}", sum(lag.next_offset for lag in lags), now_us / 1e6)
    )


def _part(broker: Broker, part: TopicPartition) -> PartLook:
    first, end = broker.bounds(part)
    last = broker.read(part, end - 1, max_records=1, max_bytes=1) if end > first else []
    return PartLook(part.partition, first, end, last[-1].timestamp_us if last else None)


def last_arrival(parts: list[PartLook]) -> int | None:
    """Return when the last record arrived, microseconds since 1970; None in an empty topic."""
    return max((one.last_us for one in parts if one.last_us is not None), default=None)


def last_places(broker: Broker, topic: str, most: int) -> dict[TopicPartition, tuple[int, int]]:
    """Return (begin, end) of the last records of each partition, `most` of each."""
    return {part: (max(broker.bounds(part)[0], end - most), end) for part, end in end_of(broker, topic).items()}
