"""Time of a stream of lines: what a line without a time is given, and the watermark that keyed operators go by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from pipelines.engines.partition_reader import NEVER, TimeRules
from schemas.timestamps import parse_naive_timestamp, parse_timestamp
from schemas.topic import TIMESTAMP

SECOND_US = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class WrongTime(ValueError):
    """A value that is no time."""


def microseconds_of(value: object) -> int | None:
    """Read an event's time, microseconds since 1970; one without a zone is UTC; None where there is none.

    >>> microseconds_of("1970-01-01T00:00:01Z"), microseconds_of("1970-01-01 00:00:01"), microseconds_of(None)
    (1000000, 1000000, None)
    """
    if value is None:
        return None
    moment = (parse_timestamp(value) or parse_naive_timestamp(value, UTC)) if isinstance(value, str) else None
    if moment is None:
        raise WrongTime("expected event_time to be a time like 2026-03-01T08:30:00Z, got something else")
    return (moment - _EPOCH) // timedelta(microseconds=1)


class StreamTime:
    """The time of one stream. `high_us`: the highest event time so far, NEVER before the first."""

    def __init__(self, high_us: int = NEVER, rules: TimeRules | None = None) -> None:
        self.high_us = high_us
        self._lateness_us = (rules or TimeRules()).lateness_us

    def columns(self, times: Sequence[int | None]) -> tuple[pa.Array, pa.Array, pa.Array]:
        """Return event_time, watermark and late of the next rows.

        A row without a time is one second newer than the newest before it (the first one is of 1970): lines come in
        order, and a series whose readings all had one time would have no order. The watermark is the one that a job's
        reader would give (see pipelines/engines/partition_reader.py).
        """
        filled = np.zeros(len(times), dtype=np.int64)
        before = np.zeros(len(times), dtype=np.int64)
        for row, time in enumerate(times):
            before[row] = self.high_us
            if time is not None:
                filled[row] = time
            elif self.high_us != NEVER:
                filled[row] = self.high_us + SECOND_US
            self.high_us = max(self.high_us, int(filled[row]))
        unknown = before == NEVER
        watermark = np.where(unknown, NEVER, before - self._lateness_us)
        return (
            pa.array(filled).view(TIMESTAMP),
            pa.array(watermark, pa.int64(), mask=unknown).view(TIMESTAMP),
            pa.array(~unknown & (filled < watermark)),
        )
