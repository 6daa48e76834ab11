"""Time of a stream of lines: what a line without a time is given, and the watermark that keyed operators go by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from pipelines.engines.partition_reader import NEVER, TimeRules
from schemas.timestamps import parse_naive_timestamp, parse_timestamp
from schemas.topic import TIMESTAMP

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

        A row without a time is as new as the newest before it (1970 where there is none): in order, and moving nothing.
        The watermark is the one that a job's reader would give (see pipelines/engines/partition_reader.py).
        """
        known = np.array([NEVER if time is None else time for time in times], dtype=np.int64)
        highs = np.maximum.accumulate(np.concatenate([np.array([self.high_us], dtype=np.int64), known]))
        before = highs[:-1]
        self.high_us = int(highs[-1])
        filled = np.where(known == NEVER, np.where(before == NEVER, 0, before), known)
        unknown = before == NEVER
        watermark = np.where(unknown, NEVER, before - self._lateness_us)
        return (
            pa.array(filled).cast(TIMESTAMP),
            pa.array(watermark, pa.int64(), mask=unknown).cast(TIMESTAMP),
            pa.array(~unknown & (filled < watermark)),
        )
