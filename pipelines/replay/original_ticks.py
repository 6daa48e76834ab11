"""The ticks of the original job, as a replay must read them: time moved then by them, so it does now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from infra.broker import Broker, TopicPartition
from pipelines.engines.embedded_engine import Ticks
from pipelines.engines.ticks import read_ticks
from pipelines.pipeline import Pipeline
from pipelines.replay.history import History
from pipelines.replay.kept import Kept
from schemas.envelope import read_envelopes
from schemas.ticks import TICKS

_READ_RECORDS = 5000
_READ_BYTES = 8 << 20


def original_ticks(history: History, group: str, pipeline: Pipeline, replayed: Kept) -> Ticks:
    """Return the ticks of a pipeline's group, with offsets as they are in the replay.

    In a topic of the history the offsets are the original ones. In a topic that the replay writes anew (a pipeline
    reads what another one wrote) a tick lies behind the same event as in the original, found by its id; so that topic
    must have been written before this is called.
    """
    if TICKS.name not in history.broker.topics():
        return {}
    found: dict[TopicPartition, list[tuple[int, int]]] = {}
    existing = history.broker.topics()
    for part, ticks in read_ticks(cast(Broker, history.broker), f"{group}-{pipeline.name}").items():
        span = history.spans.get(part)
        if span is not None:
            found[part] = [(offset, watermark_us) for offset, watermark_us in ticks if offset <= span.end]
        elif part.partition < existing.get(part.topic, 0):
            found[part] = _moved(history.broker, replayed, part, sorted(ticks))
    return found


def _moved(original: Kept, replayed: Kept, part: TopicPartition, ticks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Give each tick the offset behind the last event before it that the replay has too."""
    places = {event_id: offset for offset, event_id in _ids(replayed, part, replayed.bounds(part)[1])}
    moved = []
    behind = replayed.bounds(part)[0]
    events = _ids(original, part, ticks[-1][0])
    event = next(events, None)
    for offset, watermark_us in ticks:
        while event is not None and event[0] < offset:
            behind = max(behind, places.get(event[1], -1) + 1)
            event = next(events, None)
        moved.append((behind, watermark_us))
    return moved


def _ids(broker: Kept, part: TopicPartition, end: int) -> Iterator[tuple[int, str]]:
    """Give offset and event id of a partition's records before `end`."""
    offset = broker.bounds(part)[0]
    while offset < end:
        records = broker.read(part, offset, max_records=_READ_RECORDS, max_bytes=_READ_BYTES)
        if not records:
            return
        ids = read_envelopes(part.topic, part.partition, records).event_ids
        for record, event_id in zip(records, ids, strict=True):
            if record.offset >= end:
                return
            yield record.offset, event_id
        offset = records[-1].offset + 1
