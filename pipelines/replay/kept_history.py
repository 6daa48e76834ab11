"""History that lies on a broker: a range of arrival times of some topics, no further than the original job came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from infra.broker import TopicPartition
from pipelines.bad_input import BadInput
from pipelines.replay.history import History, Span
from pipelines.replay.kept import Kept
from pipelines.replay.wired import Wired
from pipelines.seen_event import time_text
from schemas.topic import Topic

_READ_RECORDS = 5000
_READ_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Range:
    """From when to when, by time of arrival in microseconds since 1970; None: from the first, to the last.

    `warm_up_us` is how much before `since_us` is read as well, so that operators with memory have some.
    """

    since_us: int | None = None
    until_us: int | None = None
    warm_up_us: int = 0


def kept_history(broker: Kept, topics: Sequence[Topic], range_: Range) -> History:
    """Return what a broker keeps of some topics within a range; BadInput when there is nothing."""
    existing = broker.topics()
    spans: dict[TopicPartition, Span] = {}
    for topic in topics:
        for number in range(existing.get(topic.name, 0)):
            part = TopicPartition(topic.name, number)
            spans[part] = _span(broker, part, range_)
    history = History(broker, spans)
    if not any(span.end > span.compare for span in spans.values()):
        raise BadInput(_nothing(broker, topics, spans, range_))
    return history


def worked_through(history: History, group: str, pipelines: Sequence[Wired]) -> History:
    """Return the part of a history that the group's pipelines have worked through: only of it is known what it raised.

    A topic is cut where the slowest of the pipelines that read it stands. BadInput when they have not begun.
    """
    spans = dict(history.spans)
    behind = 0
    for part, span in history.spans.items():
        ends = [
            0 if (offset := history.broker.committed(f"{group}-{pipeline.name}", part)) is None else offset.next_offset
            for pipeline in pipelines
            if part.topic in {topic.name for topic in pipeline.sources}
        ]
        end = max(min([span.end, *ends]), span.start)
        behind += _count(history.broker, part, end, span.end)
        spans[part] = Span(span.start, min(span.compare, end), end, span.cut or end < span.end)
    if not any(span.end > span.compare for span in spans.values()):
        names = ", ".join(pipeline.name for pipeline in pipelines)
        raise BadInput(
            f"group {group!r} has not worked through any of these events with {names} on {history.broker.url}, so "
            "nobody knows what they raised; run them first, name another --group, or compare models with --against"
        )
    note = f"{behind:,} events that group {group!r} has not worked through yet are left out"
    return replace(history, spans=spans, notes=(*history.notes, note) if behind else history.notes)


def _count(broker: Kept, part: TopicPartition, start: int, end: int) -> int:
    """Count the records between two offsets; there are holes between them."""
    count = 0
    while start < end:
        records = broker.read(part, start, max_records=_READ_RECORDS, max_bytes=_READ_BYTES)
        count += sum(record.offset < end for record in records)
        if not records:
            break
        start = records[-1].offset + 1
    return count


def _span(broker: Kept, part: TopicPartition, range_: Range) -> Span:
    first, end = broker.bounds(part)
    start = compare = first
    if range_.since_us is not None:
        start = broker.offset_at(part, range_.since_us - range_.warm_up_us)
        compare = broker.offset_at(part, range_.since_us)
    if range_.until_us is None:
        return Span(start, compare, end)
    until = max(broker.offset_at(part, range_.until_us), start)
    return Span(start, min(compare, until), until, cut=until < end)


def _nothing(broker: Kept, topics: Sequence[Topic], spans: dict[TopicPartition, Span], range_: Range) -> str:
    names = ", ".join(topic.name for topic in topics)
    arrivals = []
    for part in spans:
        first, end = broker.bounds(part)
        for offset in (first, end - 1):
            arrivals += [one.timestamp_us for one in broker.read(part, offset, max_records=1, max_bytes=1)]
    if not arrivals:
        return f"there are no events in {names} on {broker.url}; `hubbub demo` or `hubbub produce` brings some"
    since, until = (None if at is None else time_text(at)[:19] + "Z" for at in (range_.since_us, range_.until_us))
    asked = " ".join(f"{word} {at}" for word, at in (("since", since), ("until", until)) if at)
    return (
        f"no event of {names} arrived {asked} on {broker.url}; those that it keeps arrived (which is not when they "
        f"happened) from {time_text(min(arrivals))[:19]}Z to {time_text(max(arrivals))[:19]}Z"
    )
