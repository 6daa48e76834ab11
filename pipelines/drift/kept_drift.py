"""Drift of answers that lie in an enriched topic: of a replay, or of the last rows that a job has written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.broker import Broker, TopicPartition
from pipelines.drift.watched import ModelDrift, Tally, Watched, watched
from pipelines.pipeline import Pipeline
from schemas.json_codec import JsonCodec
from schemas.topic import Topic

if TYPE_CHECKING:
    from pipelines.replay.episodes import Compared
    from pipelines.replay.kept import Kept
    from pipelines.replay.quality.windows import Windows

LAST_ROWS = 2_000
_READ_RECORDS, _READ_BYTES = 2_000, 8 << 20


@dataclass(frozen=True)
class KeptDrift:
    """One model on one topic over everything that was looked at, and over each window of event time, by its begin."""

    whole: ModelDrift
    windows: tuple[tuple[str, ModelDrift], ...] = ()


def drift_of_history(
    pipeline: Pipeline, broker: Kept, compared: Compared | None, windows: Windows | None
) -> list[KeptDrift]:
    """Return the drift of a pipeline's answers on a broker, all of them, or those to the events that are `compared`."""
    found = []
    for one, topic in _to_read(pipeline, broker):
        tallies: dict[int, Tally] = {}
        for batch in _batches(broker, topic):
            rows = batch if compared is None else batch.filter(pa.array(_counts(batch, compared)))
            times = rows.column("event_time").cast(pa.int64()).to_numpy()
            numbers = np.zeros(len(times), dtype=np.int64) if windows is None else windows.of(times)
            for number in np.unique(numbers).tolist():
                part = one.tally(rows.filter(pa.array(numbers == number)))
                tallies[number] = tallies.get(number, Tally()) + part
        by_window = (
            [(windows.name(number), one.drift(tallies[number])) for number in sorted(tallies)] if windows else []
        )
        if tallies:
            found.append(KeptDrift(one.drift(sum(tallies.values(), Tally())), tuple(by_window)))
    return found


def drift_of_last_rows(
    pipeline: Pipeline, broker: Broker, rows: int = LAST_ROWS, *, stop: Callable[[], bool] = lambda: False
) -> list[ModelDrift]:
    """Return the drift of the last rows of a pipeline's enriched topic, an even share of each partition.

    Whoever need not know any more says so by `stop`, asked before each batch; what is returned then is not whole.
    """
    found: list[ModelDrift] = []
    for one, topic in _to_read(pipeline, broker):
        tally = Tally()
        for batch in _batches(broker, topic, last=-(-rows // topic.partitions)):
            if stop():
                return found
            tally += one.tally(batch, sampled=True)
        if tally.rows:
            found.append(one.drift(tally))
    return found


def _to_read(pipeline: Pipeline, broker: Kept) -> Iterator[tuple[Watched, Topic]]:
    """Give what is watched with the topic in which its answers lie."""
    there = broker.topics()
    for one in watched(pipeline):
        for sink in pipeline.sinks:
            if sink.topic.name == f"{one.topic}.enriched" and sink.topic.name in there:
                yield one, sink.topic


def _batches(broker: Kept, topic: Topic, last: int | None = None) -> Iterator[pa.RecordBatch]:
    codec = JsonCodec(topic)
    for number in range(broker.topics()[topic.name]):
        part = TopicPartition(topic.name, number)
        offset, end = broker.bounds(part)
        if last is not None:
            offset = max(offset, end - last)
        while offset < end:
            records = broker.read(part, offset, max_records=_READ_RECORDS, max_bytes=_READ_BYTES)
            if not records:
                break
            offset = records[-1].offset + 1
            yield codec.decode(topic.name, number, records).batch


def _counts(batch: pa.RecordBatch, compared: Compared) -> list[bool]:
    place = pc.struct_field(batch.column("hubbub"), "input")
    columns = (pc.struct_field(place, name).to_pylist() for name in ("topic", "partition", "offset"))
    return [compared(*one) for one in zip(*columns, strict=True)]
