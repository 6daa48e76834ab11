"""Points in time as a person types them: an RFC 3339 time, or how long ago."""

from __future__ import annotations

from datetime import UTC, datetime

import re2

from pipelines.bad_input import BadInput
from schemas.timestamps import parse_timestamp

_AGO = re2.compile(r"(\d{1,9})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_us(text: str, now_us: int) -> int:
    """Return the time that a text means, in microseconds since 1970; BadInput for what is none.

    >>> time_us("10m", 1_000_000_000)
    400000000
    """
    if match := _AGO.fullmatch(text):
        number, unit = match.groups()
        return now_us - int(number) * _SECONDS[unit] * 1_000_000
    moment = parse_timestamp(text)
    if moment is None:
        raise BadInput(f"expected a time like 2026-03-01T08:00:00Z, or 30s, 10m, 2h, 1d ago, got {text!r}")
    passed = moment - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
