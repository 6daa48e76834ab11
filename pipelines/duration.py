"""Lengths of time as a person types them, in Prometheus' words: `90s`, `2h`, `1h30m`, `7d`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import re2

_WHOLE: Final = re2.compile(r"(?:\d{1,9}(?:ms|[smhdw]))+")
_PART: Final = re2.compile(r"(\d{1,9})(ms|[smhdw])")
_US: Final = {
    "ms": 1000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}
MOST_US: Final = 10 * 366 * _US["d"]


class WrongDuration(ValueError):
    """A text that is no length of time."""


def duration_us(text: str) -> int:
    """Return the microseconds that a text means; WrongDuration for what is none, or longer than ten years.

    >>> duration_us("1h30m")
    5400000000
    """
    if not _WHOLE.fullmatch(text):
        raise WrongDuration(f"expected a length of time like 30s, 5m, 2h, 1h30m, 7d, got {text[:80]!r}")
    total = sum(int(number) * _US[unit] for number, unit in _PART.findall(text))
    if total > MOST_US:
        raise WrongDuration(f"expected a length of time of at most ten years, got {text[:80]!r}")
    return total


def duration_text(us: int, units: Sequence[str] = ("d", "h", "m", "s")) -> str:
    """Write a length of time shortly, in its two largest units; less than a second is `0s`.

    `units` are the names of days, hours, minutes and seconds in another language.

    >>> duration_text(5_400_000_000)
    '1h30m'
    """
    left = max(0, us)
    parts: list[str] = []
    for unit, name in zip(("d", "h", "m", "s"), units, strict=True):
        number, left = divmod(left, _US[unit])
        if number and len(parts) < 2:
            parts.append(f"{number}{name}")
        elif parts:
            break
    return "".join(parts) or f"0{units[-1]}"
