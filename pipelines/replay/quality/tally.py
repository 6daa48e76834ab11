"""The hot half: expectations counted on Arrow columns while history is read anyway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from schemas.expectations import Expectation, broken, expectations
from schemas.topic import Topic


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows an expectation was about, and how many broke it."""

    rows: int = 0
    broken: int = 0

    def holds(self, expectation: Expectation) -> bool:
        """Whether so many rows keep it as should."""
        return self.broken <= (1 - expectation.mostly) * self.rows


@dataclass(slots=True)
class Tally:
    """Counts by topic and expectation. A row that the codec refused is no row here; the survey counts it."""

    topics: dict[str, dict[Expectation, Count]] = field(default_factory=dict)

    def take(self, topic: Topic, batch: pa.RecordBatch) -> None:
        """Count the rows of a decoded batch."""
        if topic.name not in self.topics:
            self.topics[topic.name] = dict.fromkeys(expectations(topic), Count())
        counts = self.topics[topic.name]
        for expectation, before in counts.items():
            rows, wrong = broken(batch, expectation)
            counts[expectation] = Count(before.rows + rows, before.broken + wrong)

    def failing(self) -> Mapping[str, Mapping[Expectation, Count]]:
        """Return what does not hold, by topic."""
        found = {
            topic: {one: count for one, count in counts.items() if not count.holds(one)}
            for topic, counts in self.topics.items()
        }
        return {topic: counts for topic, counts in found.items() if counts}
