"""Small steps of several streams of one topic, run as one batch: a step's fixed costs are most of what few rows cost.

Where rows are cut into batches changes nothing that comes out, so neither does who else is in a batch: each key's rows
stand in their order, and a key belongs to one partition. What came of each stream is told apart again behind it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa

from infra.broker import Membership, StateRow, Stream
from operators.row_errors import RowError
from pipelines.engines.isolation import OUTAGES
from pipelines.engines.repeated_events import first_deliveries
from pipelines.engines.sequence import Feed, with_offsets
from pipelines.engines.stage_times import StageTimes
from pipelines.engines.state_rows import StateRows
from pipelines.engines.step import Span, run_spans
from pipelines.pipeline import Pipeline
from schemas.record import Record
from schemas.topic import Topic


@dataclass(frozen=True, slots=True)
class Lane:
    """One stream's part: its rows, the records they came from, the watermark behind them, the order of its outputs."""

    stream: Stream
    batch: pa.RecordBatch
    records: Sequence[Record]
    watermark_us: int | None
    feed: Feed


@dataclass(slots=True)
class LaneResult:
    """What came of one lane: input rows that failed, with the records they came from; memory that changed; repeats.

    Its output rows are those before `end` in the batch of all, from where the lane before it ends.
    """

    end: int
    failures: list[tuple[Record, RowError]] = field(default_factory=list)
    changes: list[StateRow] = field(default_factory=list)
    repeats: int = 0


def run_lanes(
    pipeline: Pipeline, topic: Topic, lanes: Sequence[Lane], membership: Membership, times: StageTimes
) -> tuple[list[pa.RecordBatch], list[LaneResult]] | None:
    """Run the rows of several streams of `topic`; return the outputs of all, lane behind lane, and what came of each.

    None when it cannot be done so: an operator raised, and each stream by itself will say on which row; or two streams
    remember something under one key.
    """
    batch = pa.concat_batches([lane.batch for lane in lanes])
    records = [record for lane in lanes for record in lane.records]
    ends = np.cumsum([lane.batch.num_rows for lane in lanes])
    states, owner = StateRows((), lambda keys: []), dict[str, int]()
    if pipeline.keyed:
        with times.stage("memory"):
            found = _memory(pipeline, lanes, batch, ends.tolist(), membership)
        if found is None:
            return None
        states, owner = found
    batch = with_offsets(batch, [record.offset for record in records])
    try:
        first = first_deliveries(states, topic, pipeline.keyed[0].key, batch, records) if owner else None
        kept = ends
        if first is not None:
            batch = batch.filter(pa.array(first))
            records = [record for record, is_first in zip(records, first, strict=True) if is_first]
            kept = np.concatenate([[0], np.cumsum(first)])[ends]
        spans = [Span(int(end), lane.watermark_us, lane.feed) for end, lane in zip(kept, lanes, strict=True)]
        result = run_spans(pipeline, topic, batch, states, spans, owner, times.operator)
    except OUTAGES:
        raise
    except Exception:  # noqa: BLE001 - an operator may raise anything; each stream alone raises it again, and says more
        return None
    rows = zip(pairwise([0, *ends.tolist()]), pairwise([0, *kept.tolist()]), result.ends, strict=True)
    results = [LaneResult(end, repeats=(b - a) - (d - c)) for (a, b), (c, d), end in rows]
    for row, error in sorted(result.failures.items()):
        results[int(np.searchsorted(kept, row, side="right"))].failures.append((records[row], error))
    for change in states.changes():
        results[owner[change.key]].changes.append(change)
    return result.outputs, results


def _memory(
    pipeline: Pipeline, lanes: Sequence[Lane], batch: pa.RecordBatch, ends: Sequence[int], membership: Membership
) -> tuple[StateRows, dict[str, int]] | None:
    """Return the memory of all lanes, due keys among it, and whose each key is; None if one is of two lanes."""
    keys = batch.column(pipeline.keyed[0].key).to_pylist()
    owner: dict[str, int] = {}
    states = StateRows(pipeline.keyed, _loading(lanes, owner, membership))
    has_deadlines = any("deadline" in operator.state_schema.names for operator in pipeline.keyed)
    for number, (lane, (start, end)) in enumerate(zip(lanes, pairwise([0, *ends]), strict=True)):
        due = membership.due(lane.stream, lane.watermark_us) if has_deadlines and lane.watermark_us is not None else []
        for key in [*keys[start:end], *(key for key, _ in due)]:
            if owner.setdefault(key, number) != number:
                return None
        for key, value in due:
            states.put(key, value)
    states.fetch(keys)
    return states, owner


def _loading(
    lanes: Sequence[Lane], owner: dict[str, int], membership: Membership
) -> Callable[[Sequence[str]], list[bytes | None]]:
    def load(keys: Sequence[str]) -> list[bytes | None]:
        of_lane: dict[int, list[str]] = defaultdict(list)
        for key in keys:
            of_lane[owner[key]].append(key)
        values: dict[str, bytes | None] = {}
        for number, own in of_lane.items():
            values.update(zip(own, membership.states(lanes[number].stream, own), strict=True))
        return [values[key] for key in keys]

    return load
