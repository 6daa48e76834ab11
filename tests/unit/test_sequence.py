"""A reader knows a repeat by its place in the order of its feed, and takes nothing else for one."""

from __future__ import annotations

import random

import pytest

from infra.broker import Offset
from pipelines.engines.place import Place, place_of
from schemas.record import Record
from schemas.sequence import MOST_FEEDS, SEQUENCE_HEADER, Mark, Marks, feed_name, first_copies, read_sequence

FEED = feed_name("hubbub", "logs", "device.logs/3")


def record(offset: int, place: int, *, feed: str = FEED, received: int = 1000) -> Record:
    return Record(offset, 0, b"k", b"{}", ((SEQUENCE_HEADER, f"{feed}.{received}.{place}".encode()),))


def places(records: object) -> list[int]:
    return [int(one.headers[0][1].rsplit(b".", 1)[1]) for one in records]  # type: ignore[attr-defined]


def test_what_a_writer_wrote_again_after_a_crash_is_left_out_wherever_the_reader_cuts() -> None:
    """A log with random steps back, read in random portions: each place once, in order."""
    seed = 7
    source = random.Random(seed)
    for _ in range(50):
        log, at = [], 0
        while at < 60:
            log.append(at)
            at = at + 1 if source.random() < 0.9 else max(0, at - source.randint(0, 12))
        records = [record(offset, place) for offset, place in enumerate(log)]
        kept: list[int] = []
        marks: Marks = {}
        while records:
            cut = source.randint(1, 9)
            some, marks = first_copies(marks, records[:cut])
            kept += places(some)
            records = records[cut:]
            marks = place_of(Place(1, marks=marks).to_offset(), 0)[0].marks
        assert kept == list(range(60)), f"seed {seed}"


def test_feeds_do_not_hide_one_another() -> None:
    """Two pipelines that write to one topic count for themselves."""
    other = feed_name("hubbub", "other", "device.logs/3")
    records = [record(0, 5), record(1, 2, feed=other), record(2, 2), record(3, 3, feed=other)]
    assert [one.offset for one in first_copies({}, records)[0]] == [0, 1, 3]


def test_rows_of_an_input_that_was_made_anew_are_news() -> None:
    """A topic that was deleted and made again counts from 0; what arrives there is later than all before."""
    records = [record(0, 900, received=1000), record(1, 0, received=2000), record(2, 1, received=2001)]
    kept, marks = first_copies({}, [*records, record(3, 0, received=2000)])
    assert [one.offset for one in kept] == [0, 1, 2]
    assert marks == {FEED: Mark(2001, (1,))}


@pytest.mark.parametrize("value", [b"", b"x", b"5f0c3e1b2a90", b"5f0c3e1b2a90.1", b"5f0c3e1b2a90.1.x", b"9" * 4000])
def test_a_header_that_is_none_drops_nothing(value: bytes) -> None:
    """Foreign producers may write what they like."""
    assert read_sequence(value) is None
    records = [Record(at, 0, b"k", b"{}", ((SEQUENCE_HEADER, value),)) for at in range(3)]
    assert len(first_copies({}, records)[0]) == 3


def test_a_note_stays_within_its_two_kilobytes() -> None:
    """Of many feeds the last are remembered, with the longest places."""
    many = [
        Record(n, 0, b"k", b"{}", ((SEQUENCE_HEADER, f"{n:012x}.{2**62}.{2**62}.1.3.{2**62}.9999".encode()),))
        for n in range(40)
    ]
    marks = first_copies({}, many)[1]
    assert len(marks) == MOST_FEEDS and f"{39:012x}" in marks
    offset = Place(2**60, 2**62, 2**62, marks).to_offset(2**62)
    assert len(offset.note) <= 2048
    assert place_of(offset, 0) == (Place(2**60, 2**62, 2**62, marks), 2**62)


def test_places_without_marks_are_written_as_before() -> None:
    """Who has no feed upstream has the note that every release reads."""
    assert Place(7, 1, None).to_offset() == Offset(7, "[1,1,null,null]")
