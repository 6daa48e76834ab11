"""A first look at history: how many events, of which devices, from when to when, and when how many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from infra.broker import TopicPartition
from pipelines.replay.history import History
from pipelines.replay.quality.tally import Tally
from schemas.json_codec import JsonCodec
from schemas.topic import EVENT_TIME, Topic

_READ_RECORDS = 5000
_READ_BYTES = 8 << 20
MINUTE_US = 60_000_000


@dataclass(slots=True)
class Survey:
    """What history holds. Times are event times in microseconds since 1970; only what is compared is counted.

    `last_us` is the highest event time of each partition, warm-up included: where its time stands at the end.
    """

    events: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    devices: set[str] = field(default_factory=set)
    by_minute: Counter[int] = field(default_factory=Counter)
    first_us: int | None = None
    until_us: int | None = None
    last_us: dict[TopicPartition, int] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)

    @property
    def days(self) -> float:
        """How long the compared history is, in days."""
        return 0.0 if self.first_us is None or self.until_us is None else (self.until_us - self.first_us) / 86_400e6


def survey_history(
    history: History, topics: Mapping[str, Topic], max_ahead_us: int, advance: Callable[[int], None] = lambda step: None
) -> Survey:
    """Read all of it once, without any model; rows ahead of their arrival by more than `max_ahead_us` do not count."""
    survey = Survey()
    for part, span in history.spans.items():
        codec = JsonCodec(topics[part.topic])
        offset = span.start
        while offset < span.end:
            records = history.broker.read(part, offset, max_records=_READ_RECORDS, max_bytes=_READ_BYTES)
            records = [record for record in records if record.offset < span.end]
            if not records:
                break
            decoded = codec.decode(part.topic, part.partition, records)
            offsets = np.array([records[row].offset for row in decoded.rows], dtype=np.int64)
            compared = offsets >= span.compare
            _count(survey, part, decoded.batch, compared, max_ahead_us)
            rows = decoded.batch if compared.all() else decoded.batch.filter(pa.array(compared))
            survey.tally.take(topics[part.topic], rows)
            survey.refused += sum(records[index].offset >= span.compare for index, _ in decoded.refused)
            advance(records[-1].offset + 1 - offset)
            offset = records[-1].offset + 1
    return survey


def _count(
    survey: Survey, part: TopicPartition, batch: pa.RecordBatch, compared: np.ndarray, max_ahead_us: int
) -> None:
    times = batch.column(EVENT_TIME.name).cast(pa.int64()).to_numpy()
    arrived = batch.column("received_at").cast(pa.int64()).to_numpy()
    sane = times <= arrived + max_ahead_us
    survey.refused += int((~sane & compared).sum())
    if sane.any():
        survey.last_us[part] = max(int(times[sane].max()), survey.last_us.get(part, int(times[sane].max())))
    kept = sane & compared
    if not kept.any():
        return
    survey.events[part.topic] += int(kept.sum())
    minutes, counts = np.unique(times[kept] // MINUTE_US, return_counts=True)
    survey.by_minute.update(dict(zip(minutes.tolist(), counts.tolist(), strict=True)))
    first, last = int(times[kept].min()), int(times[kept].max())
    survey.first_us = first if survey.first_us is None else min(first, survey.first_us)
    survey.until_us = last if survey.until_us is None else max(last, survey.until_us)
    if "device_id" in batch.schema.names:
        survey.devices.update(batch.column("device_id").filter(pa.array(kept)).unique().to_pylist())
