"""Where a record stands in the order of those that one feed writes: so that a reader knows a repeat when it sees one.

A writer that is sure of *at least once* only writes a row again after a crash, with the same id at a new offset. Within
a partition the rows of one feed (one pipeline of one group, working on one stream) first come in ascending order; so a
row that is not above the highest one that was seen is a repeat. No memory of ids is needed, and none is forgotten.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from schemas.record import Record

SEQUENCE_HEADER: Final = "ce_hubbubsequence"
# The most feeds of one partition that a reader remembers: those that wrote last.
MOST_FEEDS: Final = 16
_MOST_BYTES: Final = 200


class Mark(NamedTuple):
    """How far a feed has come: the latest arrival of what its rows were made from, and the place of its last row."""

    received_us: int
    place: tuple[int, ...]


Marks = Mapping[str, Mark]


def feed_name(group: str, pipeline: str, stream: str) -> str:
    """Return the short name of a feed."""
    return hashlib.sha256("\0".join((group, pipeline, stream)).encode()).hexdigest()[:12]


def sequence_text(feed: str, received_us: int, place: Sequence[int]) -> str:
    """Return the value of the header.

    >>> sequence_text("5f0c3e1b2a90", 1772352000000000, (17, 1, 0, 2))
    '5f0c3e1b2a90.1772352000000000.17.1.0.2'
    """
    return ".".join((feed, str(received_us), *map(str, place)))


def read_sequence(value: bytes) -> tuple[str, Mark] | None:
    """Read the value of the header; None for what is none.

    >>> read_sequence(b"5f0c3e1b2a90.1772352000000000.17")
    ('5f0c3e1b2a90', Mark(received_us=1772352000000000, place=(17,)))
    """
    feed, *numbers = value.split(b".") if len(value) <= _MOST_BYTES else (b"",)
    if len(feed) != 12 or len(numbers) < 2 or not feed.isalnum():
        return None
    try:
        received_us, *place = map(int, numbers)
        return feed.decode("ascii"), Mark(received_us, tuple(place))
    except ValueError:
        return None


def first_copies(marks: Marks, records: Sequence[Record]) -> tuple[Sequence[Record], Marks]:
    """Return the records that are no repeats, and the marks behind them all.

    What arrived later than all that a feed has shown is news whatever its place: its input was made anew, and counts
    from the beginning.
    """
    values = [_header(record) for record in records]
    if not any(values):
        return records, marks
    kept: list[Record] = []
    seen = dict(marks)
    for record, value in zip(records, values, strict=True):
        found = None if value is None else read_sequence(value)
        if found is not None:
            feed, mark = found
            known = seen.pop(feed, None)  # and in again at the end, so that the feeds stand as they wrote last
            if known is None or mark.place > known.place:
                seen[feed] = Mark(max(mark.received_us, known.received_us if known else mark.received_us), mark.place)
            elif mark.received_us > known.received_us:
                seen[feed] = mark
            else:
                seen[feed] = known
                continue
        kept.append(record)
    return kept, dict([*seen.items()][-MOST_FEEDS:])


def _header(record: Record) -> bytes | None:
    for name, value in record.headers:
        if name == SEQUENCE_HEADER:
            return value
    return None
