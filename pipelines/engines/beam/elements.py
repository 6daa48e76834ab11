"""What travels through the Beam pipeline: a range to read, a portion of rows, what came of it, and the end.

None of it knows Beam; how each is written as bytes stands in coders.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from infra.broker import Offset, StateRow, Stream, TopicPartition
from pipelines.engines.stream_memory import Position
from pipelines.engines.work import Refusal
from schemas.record import Append, Record

Ticks = Mapping[TopicPartition, Sequence[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class StreamRange:
    """Work for one process: a stream of a pipeline, from where its group stands to an end that was seen.

    `offsets` are the committed ones (a partition without begins at its first record), `memory` the group's committed
    memory, `ticks` observations to repeat.
    """

    pipeline: str
    stream: Stream
    offsets: Mapping[TopicPartition, Offset]
    ends: Mapping[TopicPartition, int]
    memory: Sequence[StateRow] = ()
    ticks: Ticks = field(default_factory=dict)

    @property
    def length(self) -> int:
        """How many offsets there are at most; some may have been dropped or never have held a record."""
        return sum(
            self.ends[part] - (at.next_offset if (at := self.offsets.get(part)) else 0) for part in self.stream.parts
        )


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive rows of one topic, the records they came from, and the watermark behind them."""

    part: TopicPartition
    batch: pa.RecordBatch
    records: Sequence[Record]
    watermark_us: int | None


@dataclass(frozen=True, slots=True)
class Portion:
    """Consecutive rows of one stream: the element that is worked on.

    `before` is where the stream stood and `offsets` where it stands behind the rows: portions of a stream are a chain,
    and by nothing else is it known that none is missing, for offsets have holes. `runs` are rows of one topic each, in
    order; `refused` the records that are no rows; `extra` goes out with what comes of the rows.
    """

    pipeline: str
    stream: Stream
    before: Position
    offsets: Mapping[TopicPartition, Offset]
    runs: Sequence[Run]
    refused: Sequence[Refusal]
    watermark_us: int | None
    extra: Sequence[Append] = ()
    # The first portion of a range brings the memory that the range begins with; the last one says so.
    memory: Sequence[StateRow] | None = None
    last: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """Records to append at once, in this order."""

    records: Sequence[Append]


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """How a stream stands when its range has been worked through: what the group commits, once all outputs are written.

    `before` is where it stood, so that a group which has moved meanwhile is noticed.
    """

    pipeline: str
    stream: Stream
    before: Position
    offsets: Mapping[TopicPartition, Offset]
    states: Sequence[StateRow]
