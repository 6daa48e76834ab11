"""What pipelines are to a broker and to each other: their streams, their topics, and which feeds which."""

from __future__ import annotations

from collections.abc import Sequence

from infra.broker import Stream, TopicPartition
from pipelines.pipeline import Pipeline
from schemas.dead_letters import DEAD_LETTERS
from schemas.ticks import TICKS
from schemas.topic import Topic


def streams_of(pipeline: Pipeline) -> tuple[Stream, ...]:
    """Return the streams of a pipeline: one for each partition of each source, or of all the sources merged."""
    partitions = range(pipeline.sources[0].partitions)
    if pipeline.merge:
        return tuple(Stream(tuple(TopicPartition(t.name, p) for t in pipeline.sources)) for p in partitions)
    return tuple(Stream((TopicPartition(topic.name, p),)) for topic in pipeline.sources for p in partitions)


def topics_of(pipelines: Sequence[Pipeline]) -> list[Topic]:
    """Return the topics that a job of these pipelines needs."""
    topics = {DEAD_LETTERS.name: DEAD_LETTERS, TICKS.name: TICKS}
    for pipeline in pipelines:
        topics |= {topic.name: topic for topic in (*pipeline.sources, *(sink.topic for sink in pipeline.sinks))}
    return list(topics.values())


def feeds(upstream: Pipeline, downstream: Pipeline) -> bool:
    """Tell whether one pipeline writes what another reads."""
    sources = {topic.name for topic in downstream.sources}
    return upstream is not downstream and any(sink.topic.name in sources for sink in upstream.sinks)


def feeding(feeder: Pipeline, stream: Stream) -> Sequence[Stream]:
    """Return the streams of `feeder` that write into a stream: those of its own number where the key stays."""
    read = {part.topic for part in stream.parts}
    written = [sink.topic for sink in feeder.sinks if sink.topic.name in read]
    if not written:
        return ()
    kept = all(source.key == topic.key for source in feeder.sources for topic in written)
    number = stream.parts[0].partition
    return [one for one in streams_of(feeder) if not kept or one.parts[0].partition == number]
