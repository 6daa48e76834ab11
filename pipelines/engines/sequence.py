"""Which place a step's outputs have in the order of their feed (schemas/sequence.py): the same when it is done again.

An enriched row stands at its input's offset. Emitted rows are in the order of the watermark, which in a partition only
grows: a row's outputs stand at the row's own watermark (a merge's: its merge time) and offset, those of a deadline at
the deadline, before the rows whose watermark has reached it. That follows from the log alone, not from where batches
were cut or what was left out of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from schemas.microseconds import microseconds
from schemas.sequence import sequence_text

# Columns that travel through a step: where a row's record lies, and what a finished row says of its place.
OFFSET: Final = "_offset"
SEQUENCE: Final = "_sequence"

_DEADLINE, _ROW = 0, 1
_NEVER: Final = -(1 << 63)


@dataclass(frozen=True, slots=True)
class Feed:
    """One pipeline of one group at work on one stream. `rank`: the source's number among merged ones, None without."""

    name: str
    rank: int | None = None

    def enriched(self, batch: pa.RecordBatch) -> list[str | None]:
        """Return the places of a step's input rows, for their outputs."""
        offsets, received = _numbers(batch, OFFSET), _numbers(batch, "received_at")
        if self.rank is None:
            return [f"{self.name}.{at}.{offset}" for at, offset in zip(received, offsets, strict=True)]
        rows: list[int | None] = [*range(batch.num_rows)]
        return self.emitted(batch, rows, [None] * batch.num_rows)

    def emitted(
        self, batch: pa.RecordBatch, rows: Sequence[int | None], deadlines: Sequence[int | None]
    ) -> list[str | None]:
        """Return the places of emitted rows, in their order: each was caused by a row of `batch` or by a deadline.

        A row that would not stand above the one before it has none, and is never taken for a repeat: an operator that
        sets a deadline in the past breaks its contract, which must not cost rows.
        """
        offsets, received, times = (_numbers(batch, name) for name in (OFFSET, "received_at", "watermark"))
        counts: dict[tuple[int, ...], int] = {}
        highest: tuple[int, ...] = ()
        found: list[str | None] = []
        for row, deadline in zip(rows, deadlines, strict=True):
            if row is not None:
                at, cause = received[row], (times[row], _ROW, self.rank or 0, offsets[row])
            else:
                assert deadline is not None
                at, cause = 0, (deadline, _DEADLINE, 0, 0)
            number = counts[cause] = counts.get(cause, -1) + 1
            place = (*cause, number)
            found.append(sequence_text(self.name, at, place) if place > highest else None)
            highest = max(highest, place)
        return found


def with_offsets(batch: pa.RecordBatch, offsets: Sequence[int]) -> pa.RecordBatch:
    """Add where each row's record lies."""
    return batch.append_column(pa.field(OFFSET, pa.int64()), pa.array(offsets, pa.int64()))


def with_sequence(batch: pa.RecordBatch, places: Sequence[str | None]) -> pa.RecordBatch:
    """Add what each finished row says of its place."""
    return batch.append_column(pa.field(SEQUENCE, pa.string()), pa.array(places, pa.string()))


def _numbers(batch: pa.RecordBatch, name: str) -> list[int]:
    numbers: list[int] = microseconds(batch.column(name), _NEVER).tolist()
    return numbers
