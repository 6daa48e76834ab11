"""Where a reader stands in one partition: the next offset, and what time it is there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec

from infra.broker import Offset
from schemas.sequence import Mark, Marks

# Begins the note of a place whose memory lies in a job's checkpoint: no engine can go on there by the broker alone.
ELSEWHERE: Final = "elsewhere:"
# Versions of the note: without marks, and with.
_PLAIN: Final = 1
_MARKED: Final = 2


@dataclass(frozen=True, slots=True)
class Place:
    """The next offset to read, and all that the watermark there depends on.

    `high_us`: the highest event time before the offset; `floor_us`: the highest tick before it; None without any.
    `marks`: how far each feed that writes here had come before the offset, to know repeats by (schemas/sequence.py).
    """

    next_offset: int
    high_us: int | None = None
    floor_us: int | None = None
    marks: Marks = field(default_factory=dict)

    def watermark_us(self, lateness_us: int) -> int | None:
        """The watermark of a row at this place: nothing older than this is expected; None before any time is known."""
        by_rows = None if self.high_us is None else self.high_us - lateness_us
        if by_rows is None or self.floor_us is None:
            return self.floor_us if by_rows is None else by_rows
        return max(by_rows, self.floor_us)

    def raised_to(self, watermark_us: int) -> Place:
        """Return the place after a tick."""
        return replace(self, floor_us=watermark_us if self.floor_us is None else max(self.floor_us, watermark_us))

    def to_offset(self, frontier_us: int | None = None) -> Offset:
        """Write the place as a commit keeps it; `frontier_us` is what a merge has released (see merged_task.py)."""
        note: list[Any] = [_PLAIN, self.high_us, self.floor_us, frontier_us]
        if self.marks:
            note = [_MARKED, *note[1:], {name: [mark.received_us, *mark.place] for name, mark in self.marks.items()}]
        return Offset(self.next_offset, msgspec.json.encode(note).decode())


def place_of(offset: Offset | None, first: int) -> tuple[Place, int | None]:
    """Read a committed place and frontier; a group without a commit begins at `first`.

    A note that is not hubbub's (offsets set by another tool) only loses the time that was known, so it is refused.
    """
    if offset is None:
        return Place(first), None
    try:
        version, high_us, floor_us, frontier_us, *rest = msgspec.json.decode(offset.note)
        marks = {name: Mark(received_us, tuple(place)) for name, (received_us, *place) in (rest or [{}])[0].items()}
    except (msgspec.DecodeError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"expected a committed place with hubbub's note, got {offset.note!r}") from error
    if version not in (_PLAIN, _MARKED):
        raise ValueError(
            f"expected a committed place of version {_PLAIN} or {_MARKED}, got version {version}: written by a newer "
            "hubbub?"
        )
    return Place(offset.next_offset, high_us, floor_us, marks), frontier_us
