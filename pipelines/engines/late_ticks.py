"""Ticks that a stream's worker learns of after the rows were read: its own, and those that a dead process wrote.

Where reading and working are two places, the reader cannot know what falls due, so it only tells that a partition is
quiet; the worker ticks. A tick is written before what follows from it, and whoever goes on after a death reads it
again: time moved there, so it moves there. Merged streams do not come here, for a merge must know its ticks to read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from pipelines.engines.beam_elements import Portion, Run
from pipelines.engines.partition_reader import NEVER
from pipelines.pipeline import Pipeline
from schemas.topic import TIMESTAMP

Ticks = Sequence[tuple[int, int]]


def with_ticks(portion: Portion, pipeline: Pipeline, ticks: Ticks) -> Portion:
    """Return the portion as a reader that knew these ticks (offset, watermark) would have read it."""
    if not ticks or pipeline.merge:
        return portion
    (part,) = portion.stream.parts
    behind = portion.offsets[part].next_offset if part in portion.offsets else portion.before[0][2]
    floor_us = max((watermark_us for offset, watermark_us in ticks if offset <= behind), default=None)
    event_time = next(topic.event_time for topic in pipeline.sources if topic.name == part.topic)
    runs = [_with_ticks(run, event_time, ticks, floor_us) for run in portion.runs]
    return replace(portion, runs=runs, watermark_us=_later(portion.watermark_us, floor_us))


def _with_ticks(run: Run, event_time: str, ticks: Ticks, floor_us: int | None) -> Run:
    batch = run.batch
    offsets = batch.column("origin").field("offset").to_numpy(zero_copy_only=False)
    watermarks = batch.column("watermark").cast(pa.int64()).fill_null(NEVER).to_numpy(zero_copy_only=False).copy()
    for offset, watermark_us in ticks:
        watermarks = np.where(offsets >= offset, np.maximum(watermarks, watermark_us), watermarks)
    unknown = watermarks == NEVER
    times = batch.column(event_time).cast(pa.int64()).to_numpy(zero_copy_only=False)
    columns = {
        "watermark": pa.array(watermarks, pa.int64(), mask=unknown).cast(TIMESTAMP),
        "late": pa.array(~unknown & (times < watermarks)),
    }
    for name, values in columns.items():
        at = batch.schema.get_field_index(name)
        batch = batch.set_column(at, batch.schema.field(name), values)
    return replace(run, batch=batch, watermark_us=_later(run.watermark_us, floor_us))


def _later(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else max(one, other)
