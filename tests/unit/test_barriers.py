"""Barriers, tried by a model of a chain in which rows of any kind move on in any order.

The law: when a stream is said to have passed a moment, no row that lay anywhere upstream at that moment has yet to come
through it. And in the end, when all is worked through, all say so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.broker import Offset, Stream, TopicPartition
from pipelines.catalog import shipped_pipeline
from pipelines.engines.barriers import MOST_WAITING, NEVER, Barriers
from pipelines.engines.graph import feeds, streams_of
from pipelines.engines.round_answers import RoundAnswers

TELEMETRY, ALERTS = shipped_pipeline("telemetry"), shipped_pipeline("alerts")
RAW, ENRICHED = "device.telemetry", "device.telemetry.enriched"
STREAMS = streams_of(ALERTS)
GROUPS = {"hubbub-telemetry": RAW, "hubbub-alerts": ENRICHED}
# What can happen to a partition: a row comes; a pipeline takes one row on; a transaction begins there; it ends, and its
# marker takes an offset. "look" is the only thing that the barriers see of it.
HAPPENS = st.lists(
    st.tuples(st.sampled_from(["comes", "enrich", "alert", "open", "close", "look"]), st.integers(0, 1)), max_size=120
)


class Chain:
    """Two partitions of raw and of enriched rows, as a broker shows them. Each row is known by when it came."""

    def __init__(self) -> None:
        self.now_us = 1_000
        self.logs: dict[TopicPartition, list[int | None]] = defaultdict(list)  # when each row came; a hole is None
        self.at: dict[str, dict[TopicPartition, int]] = defaultdict(dict)
        self.open_from: dict[TopicPartition, int] = {}

    def places(self, group: str) -> dict[TopicPartition, Offset]:
        return {part: Offset(offset, "") for part, offset in self.at[group].items()}

    def written(self, topics: Sequence[str]) -> Mapping[TopicPartition, int]:
        return defaultdict(int, {part: len(log) for part, log in self.logs.items() if part.topic in topics})

    def settled(self, topics: Sequence[str]) -> bool:
        return not any(part.topic in topics for part in self.open_from)

    def bounds(self, part: TopicPartition) -> tuple[int, int]:
        rows = [offset for offset, row in enumerate(self.logs[part][: self.readable(part)]) if row is not None]
        return 0, (rows[-1] + 1 if rows else 0)

    def readable(self, part: TopicPartition) -> int:
        return self.open_from.get(part, len(self.logs[part]))

    def happens(self, what: str, number: int) -> None:
        self.now_us += 10
        raw, enriched = TopicPartition(RAW, number), TopicPartition(ENRICHED, number)
        if what == "comes":
            self.logs[raw].append(self.now_us)
        elif what == "enrich":
            if (row := self.take("hubbub-telemetry", raw)) is not None:
                self.logs[enriched].append(row)
        elif what == "alert":
            self.take("hubbub-alerts", enriched)
        elif what == "open":
            self.open_from.setdefault(enriched, len(self.logs[enriched]))
        elif what == "close" and self.open_from.pop(enriched, None) is not None:
            self.logs[enriched].append(None)

    def take(self, group: str, part: TopicPartition) -> int | None:
        """Go on by one row, if one can be read, and commit the place behind it."""
        for offset in range(self.at[group].get(part, 0), self.readable(part)):
            if (row := self.logs[part][offset]) is not None:
                self.at[group][part] = offset + 1
                return row
        return None

    def under_way(self, number: int) -> list[int]:
        """Return when the rows came that have yet to come through the alerts of this number."""
        return [
            row
            for group, topic in GROUPS.items()
            for part in [TopicPartition(topic, number)]
            for row in self.logs[part][self.at[group].get(part, 0) :]
            if row is not None
        ]


def barriers_of(chain: Chain) -> tuple[Barriers, RoundAnswers]:
    answers = RoundAnswers(chain)  # type: ignore[arg-type] # what barriers ask of a broker
    return Barriers(chain, answers, "hubbub", ALERTS, [TELEMETRY], lambda: chain.now_us), answers  # type: ignore[arg-type]


def stream(number: int) -> Stream:
    return Stream((TopicPartition(ENRICHED, number),))


def test_the_chain_is_what_this_test_takes_it_for() -> None:
    assert feeds(TELEMETRY, ALERTS) and {stream(0), stream(1)} <= set(STREAMS)


@settings(max_examples=300, deadline=None)
@given(HAPPENS, st.booleans(), st.booleans())
def test_nothing_that_lay_there_is_passed_before_it_is_through(
    happens: Sequence[tuple[str, int]], exactly: bool, keeps: bool
) -> None:
    chain = Chain()
    barriers, answers = barriers_of(chain)
    said = {0: NEVER, 1: NEVER}
    for what, number in [*happens, ("look", 0)]:
        chain.happens(what, number)
        if what != "look":
            continue
        if keeps:
            answers.begin()
        found = barriers.look([stream(0), stream(1)], exactly=exactly)
        passed = {one: found[stream(one)] for one in said}
        assert all(said[one] <= passed[one] <= chain.now_us for one in said)
        assert not [row for one in said for row in chain.under_way(one) if row <= passed[one]]
        said = passed
    for number in (0, 1):  # all goes its way, and all say so
        chain.happens("close", number)
        for what in ("enrich", "alert"):
            for _ in happens:
                chain.happens(what, number)
    began_us = chain.now_us
    for _ in range(4):
        chain.now_us += 1
        answers.begin()
        found = barriers.look([stream(0), stream(1)], exactly=exactly)
    assert min(found.values()) > began_us


def test_a_stream_that_is_never_idle_still_passes_moments() -> None:
    """Ten rows come between two looks, as many as are worked through; a hundred are always under way."""
    chain = Chain()
    barriers, answers = barriers_of(chain)
    for _ in range(100):
        chain.happens("comes", 0)
    delays = []
    for _ in range(60):
        for _ in range(10):
            for what in ("comes", "enrich", "alert"):
                chain.happens(what, 0)
        answers.begin()
        passed = barriers.look([stream(0)], exactly=False)[stream(0)]
        assert chain.under_way(0)
        delays.append(chain.now_us - passed)
    # A hundred rows take as long as 3,000 us, and a look comes every 300.
    assert max(delays[20:]) <= 3_600
    assert len(delays) > MOST_WAITING
