"""History: which records of which partitions are replayed, and which of them count in the comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from infra.broker import TopicPartition
from pipelines.replay.kept import Kept


@dataclass(frozen=True, slots=True)
class Span:
    """Offsets of one partition: read from `start`, compared from `compare`, both up to, not including, `end`.

    What lies between `start` and `compare` only warms up the memory of operators. `cut` says that the partition goes on
    behind `end`, so whatever was open there had a future that is not replayed.
    """

    start: int
    compare: int
    end: int
    cut: bool = False


@dataclass(frozen=True)
class History:
    """Records that lie still. `notes` say, in sentences, what a reader of the comparison should know about them.

    `files` are the names of the files that they were read from, none for what a broker keeps.
    """

    broker: Kept
    spans: Mapping[TopicPartition, Span]
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How a person names it, the same each time: the files, else the broker's URL."""
        return ", ".join(self.files) or self.broker.url

    @property
    def topics(self) -> tuple[str, ...]:
        """Names of the topics, in their order."""
        return tuple(dict.fromkeys(part.topic for part in self.spans))

    @property
    def records(self) -> int:
        """How many offsets there are to read; holes count too."""
        return sum(span.end - span.start for span in self.spans.values())

    def compares(self, topic: str | None, partition: int | None, offset: int | None) -> bool:
        """Tell whether what the record at this place caused is compared; a place outside the history is not."""
        if topic is None or partition is None or offset is None:
            return False
        span = self.spans.get(TopicPartition(topic, partition))
        return span is not None and span.compare <= offset < span.end
