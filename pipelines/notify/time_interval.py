"""Time intervals of a week: quiet hours, or the hours in which somebody is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import re2

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY_MINUTES: Final = 24 * 60
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RANGE: Final = re2.compile(r"(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)")


class WrongInterval(ValueError):
    """A time interval that is none."""


@dataclass(frozen=True, slots=True)
class TimeInterval:
    """Some minutes of some days of the week, in a time zone. What goes past midnight is its first day's.

    `spans` are (first minute of the day, minute behind the last); the second may lie beyond the day's 1440.
    """

    spans: tuple[tuple[int, int], ...] = ((0, DAY_MINUTES),)
    weekdays: frozenset[int] = frozenset(range(7))
    zone: str = "UTC"

    def contains(self, now_us: int) -> bool:
        """Tell whether a time lies in it."""
        local = (_EPOCH + timedelta(microseconds=now_us)).astimezone(_zone(self.zone))
        minute, day = local.hour * 60 + local.minute, local.weekday()
        return any(
            (day in self.weekdays and first <= minute < end)
            or ((day - 1) % 7 in self.weekdays and first <= minute + DAY_MINUTES < end)
            for first, end in self.spans
        )


def parse_interval(times: list[str], weekdays: list[str], zone: str) -> TimeInterval:
    """Read an interval: times like `22:00-07:00`, weekdays like `saturday` or `monday:friday`; none means all."""
    _zone(zone)
    days: set[int] = set()
    for said in weekdays:
        first, _, last = said.lower().partition(":")
        if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
            raise WrongInterval(f"expected a weekday like saturday, or monday:friday, got {said!r}")
        begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        days |= {(begin + day) % 7 for day in range((end - begin) % 7 + 1)}
    spans = tuple(map(_span, times)) or ((0, DAY_MINUTES),)
    return TimeInterval(spans, frozenset(days or range(7)), zone)


def _span(text: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(text.strip())
    numbers = [int(one) for one in match.groups()] if match else []
    if match is None or numbers[1] > 59 or numbers[3] > 59:
        raise WrongInterval(f"expected times like 22:00-07:00, got {text!r}")
    begin, end = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
    if begin >= DAY_MINUTES or end > DAY_MINUTES or begin == end:
        raise WrongInterval(f"expected two different times between 00:00 and 24:00, got {text!r}")
    return begin, end if end > begin else end + DAY_MINUTES


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongInterval(f"expected a time zone like Europe/Berlin or Asia/Shanghai, got {name!r}") from None
