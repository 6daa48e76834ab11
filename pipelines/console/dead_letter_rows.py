"""Dead letters as the console lists them: the last ones, without their bytes, with what has become of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from infra.broker import Broker
from pipelines.dead_letter_view import DeadLetter, Fate, fate_of, fates
from pipelines.records_in_order import begin_of, end_of, records_in_order
from pipelines.seen_event import time_text
from schemas.dead_letters import DEAD_LETTERS

MOST_OF_EACH: Final = 1_000
"""So many of the last dead letters of each partition are looked at."""


@dataclass(frozen=True, slots=True)
class DeadLetterRow:
    """One dead letter in the list. `at` is its place, PARTITION-OFFSET."""

    at: str
    id: str
    arrived: str
    place: str
    topic: str
    pipeline: str
    reason: str
    stage: str
    message: str
    can_be_sent: bool
    fate: Fate


@dataclass(frozen=True, slots=True)
class DeadLetterChoice:
    """Which ones somebody wants to see; empty texts choose everything."""

    reason: str = ""
    topic: str = ""
    pipeline: str = ""
    fate: str = "open"

    def takes(self, row: DeadLetterRow) -> bool:
        """Tell whether a row is wanted."""
        wanted = ((self.reason, row.reason), (self.topic, row.topic), (self.pipeline, row.pipeline))
        return all(not one or one == other for one, other in wanted) and self.fate in ("all", row.fate)


@dataclass(frozen=True, slots=True)
class DeadLetterList:
    """The rows that were chosen, the newest first, and how many open ones there are by reason."""

    rows: Sequence[DeadLetterRow]
    reasons: Counter[str]
    topics: Sequence[str]
    pipelines: Sequence[str]
    looked_at: int
    kept: int


def dead_letter_list(broker: Broker, choice: DeadLetterChoice) -> DeadLetterList:
    """Read the last dead letters of each partition."""
    begins, ends = begin_of(broker, DEAD_LETTERS.name), end_of(broker, DEAD_LETTERS.name)
    starts = {part: max(begin, ends.get(part, 0) - MOST_OF_EACH) for part, begin in begins.items()}
    known = fates(broker)
    letters = (DeadLetter(part, record) for part, record in records_in_order(broker, starts, ends))
    rows = [dead_letter_row(letter, known) for letter in letters]
    return DeadLetterList(
        rows=[row for row in reversed(rows) if choice.takes(row)],
        reasons=Counter(row.reason for row in rows if row.fate == "open"),
        topics=sorted({row.topic for row in rows if row.topic}),
        pipelines=sorted({row.pipeline for row in rows if row.pipeline}),
        looked_at=len(rows),
        kept=sum(ends[part] - begins.get(part, 0) for part in ends),
    )


def dead_letter_row(letter: DeadLetter, known: Mapping[str, Fate]) -> DeadLetterRow:
    """Return the row of one dead letter."""
    return DeadLetterRow(
        at=f"{letter.part.partition}-{letter.record.offset}",
        id=letter.id,
        arrived=time_text(letter.record.timestamp_us),
        place=letter.place if letter.error("topic") else "",
        topic=letter.error("topic"),
        pipeline=letter.pipeline,
        reason=letter.reason,
        stage=letter.error("stage"),
        message=letter.error("exception.message"),
        can_be_sent=letter.original() is not None,
        fate=fate_of(letter, known),
    )


def places_in(form: dict[str, str]) -> Iterator[tuple[int, int]]:
    """Give the places that were ticked in a form: its fields `at.PARTITION-OFFSET`."""
    for name in form:
        prefix, _, at = name.partition(".")
        partition, _, offset = at.partition("-")
        if prefix == "at" and _is_number(partition) and _is_number(offset):
            yield int(partition), int(offset)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
