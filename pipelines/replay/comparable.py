"""What of two sides can be compared: which events, and up to which moment both were told the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from infra.broker import TopicPartition
from pipelines.engines.place import place_of
from pipelines.replay.episodes import Compared, Horizon
from pipelines.replay.history import History
from pipelines.replay.survey import Survey
from pipelines.replay.wired import Wired

Limits = Mapping[TopicPartition, int]


def is_partial(history: History) -> bool:
    """Whether it is a part of what its broker keeps, so that outputs of other events lie between its own."""
    return any(span.cut or span.compare > span.start or span.start > 0 for span in history.spans.values())


def compared_of(history: History) -> Compared:
    """Choose by the place of an input event. A history of enriched topics cannot tell, and is compared as a whole."""
    enriched = {topic for topic in history.topics if topic.endswith(".enriched")}
    if enriched:
        inputs = {topic.removesuffix(".enriched") for topic in enriched}
        return lambda topic, partition, offset: topic in inputs or history.compares(topic, partition, offset)
    return history.compares


def horizon_of(history: History, survey: Survey, lateness_us: int, judged: Limits) -> Horizon:
    """Give the event time up to which both sides were told the same; None where both were told everything."""
    limits: dict[TopicPartition, int] = {}
    for part, span in history.spans.items():
        if span.cut and part in survey.last_us:
            limits[part] = survey.last_us[part] - lateness_us
    for part, limit in judged.items():
        limits[part] = min(limit, limits.get(part, limit))

    def horizon(topic: str | None, partition: int | None) -> int | None:
        return None if topic is None or partition is None else limits.get(TopicPartition(topic, partition))

    return horizon


def judged_by(history: History, group: str, pipelines: Sequence[Wired], lateness_us: int) -> Limits:
    """How far the original job has judged what it had understood, where it is behind."""
    broker, existing = history.broker, history.broker.topics()
    limits = {}
    for pipeline in pipelines:
        for topic in pipeline.sources:
            if topic.name in history.topics or topic.name not in existing:
                continue
            for number in range(existing[topic.name]):
                part = TopicPartition(topic.name, number)
                offset = broker.committed(f"{group}-{pipeline.name}", part)
                first, end = broker.bounds(part)
                if end > first and (offset is None or offset.next_offset < end):
                    place = None if offset is None else place_of(offset, first)[0].watermark_us(lateness_us)
                    source = TopicPartition(topic.name.removesuffix(".enriched"), number)
                    limits[source] = -(1 << 62) if place is None else place
    return limits
