"""The time stamps at the front of log lines, in UTC. Every function is pure; what it was asked lately it remembers.

A stamp whose shape is right but whose time no calendar has (13th month, a 29 February) gives None, and so does a stamp
without a year where no year is known: the line keeps its other parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from schemas.log_lines.clock import Clock
from schemas.timestamps import instant, microseconds_of, parse_naive_timestamp, parse_timestamp

_MONTHS = {"Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6}
_MONTHS |= {"Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12}
_DIGITS = "0123456789"
_FIRST_OF_ZONE = frozenset("ZUG+-")
# Lines of one second follow each other, so the second is worked out once; the bound keeps memory small.
_REMEMBERED = 4096
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_stamp(text: str, clock: Clock) -> tuple[datetime | None, int]:
    """Read a stamp that starts with YYYY-MM-DD HH:MM:SS (any one character between), and give its end too.

    After it may come a fraction (point or comma) and a zone (Z, +hh:mm, +hhmm, +hh, UTC, GMT, with a space or none).
    """
    end = 19
    microsecond = 0
    if text[19:20] in (".", ",") and text[20:21].isdigit():
        end = len(text) - len(text[20:].lstrip(_DIGITS))
        microsecond = microseconds_of(text[20:end])
    zone: tzinfo | None = None
    if text[end : end + 2].lstrip(" ")[:1] in _FIRST_OF_ZONE:
        zone, end = _zone(text, end)
    second = _iso_second(text[:19], zone or clock.timezone)
    if second is None or microsecond == 0:
        return second, end
    return second.replace(microsecond=microsecond), end


def month_day_stamp(text: str, clock: Clock) -> datetime | None:
    """Read the 15 characters of an RFC 3164 stamp, `Jun 14 15:16:01`, whose year the clock knows."""
    month = _MONTHS.get(text[:3])
    if month is None:
        return None
    year = clock.year_of(month, int(text[4:6]))
    return None if year is None else _second_of(year, month, text[4:6], text[7:15], clock.timezone)


def month_day_year_stamp(said: Mapping[str, str], clock: Clock) -> datetime | None:
    """Read a stamp's parts: `month` (name or number), `day`, `clock`, and where given `fraction`, `year`, `zone`.

    A zone that no one offset belongs to (CST) is taken as the clock's zone.
    """
    month, day, year = said["month"], said["day"], said.get("year")
    number = int(month) if month.isdecimal() else _MONTHS.get(month)
    if number is None:
        return None
    settled = int(year) if year else clock.year_of(number, int(day))
    if settled is None:
        return None
    zone = zone_of(said["zone"]) if "zone" in said else None
    second = _second_of(settled, number, day, said["clock"], zone or clock.timezone)
    fraction = said.get("fraction")
    return second.replace(microsecond=microseconds_of(fraction)) if second and fraction else second


def epoch_stamp(number: str) -> datetime | None:
    """Read seconds since 1970 with or without a fraction, or milli-, micro- or nanoseconds by their count of digits."""
    whole, _, fraction = number.partition(".")
    if len(whole) > 19 or not whole.isdecimal() or not whole.isascii():
        return None
    exponent = 0 if len(whole) <= 11 else 3 if len(whole) <= 14 else 6 if len(whole) <= 17 else 9
    if exponent:
        seconds, rest = int(whole[:-exponent]), whole[-exponent:]
    else:
        seconds, rest = int(whole), fraction
    microsecond = microseconds_of(rest) if rest.isdecimal() and rest.isascii() else 0
    try:
        return _EPOCH + timedelta(seconds=seconds, microseconds=microsecond)
    except OverflowError:
        return None


def any_stamp(text: str, clock: Clock) -> datetime | None:
    """Read a stamp that stands alone, as the value of a key: RFC 3339, a form without a zone, or an epoch number."""
    moment = parse_timestamp(text) or parse_naive_timestamp(text, clock.timezone)
    if moment is None and len(text) >= 19 and text[:4].isdecimal() and text[13:14] == ":" and text[16:17] == ":":
        moment, end = iso_stamp(text, clock)
        if end != len(text):
            return None
    if moment is None and text[:1].isdecimal():
        return epoch_stamp(text)
    return moment


@lru_cache(maxsize=_REMEMBERED)
def zone_of(text: str) -> tzinfo | None:
    """Read a zone: Z, UTC, GMT, +hh:mm, +hhmm, +hh. Other letters name no one zone and give None."""
    if text in ("Z", "z", "UTC", "GMT"):
        return UTC
    digits = text[1:].replace(":", "")
    if text[:1] not in ("+", "-") or len(digits) not in (2, 4) or not (digits.isascii() and digits.isdecimal()):
        return None
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    if offset >= timedelta(hours=24):
        return None
    return timezone(-offset if text[0] == "-" else offset)


def _zone(text: str, start: int) -> tuple[tzinfo | None, int]:
    """Find the zone that follows a stamp, and where it ends; no zone ends where it starts."""
    mark = text[start : start + 1]
    if mark == "Z":
        return UTC, start + 1
    if mark == " ":
        if text[start + 1 : start + 4] in ("UTC", "GMT") and not text[start + 4 : start + 5].isalnum():
            return UTC, start + 4
        if text[start + 1 : start + 2] not in ("+", "-"):
            return None, start
        start += 1
        mark = text[start : start + 1]
        before = start - 1
    else:
        before = start
    if mark not in ("+", "-"):
        return None, before
    # +hh:mm, +hhmm; +hh only without a space before it, because " -12 degrees" is a message.
    for length in (6, 5, 3) if before == start else (6, 5):
        candidate = text[start : start + length]
        following = text[start + length : start + length + 1]
        if len(candidate) == length and not following.isalnum() and (zone := zone_of(candidate)):
            return zone, start + length
    return None, before


@lru_cache(maxsize=_REMEMBERED)
def _iso_second(text: str, timezone: tzinfo) -> datetime | None:
    try:
        parts = (int(text[:4]), int(text[5:7]), int(text[8:10]), int(text[11:13]), int(text[14:16]), int(text[17:19]))
    except ValueError:
        return None
    return instant(parts, timezone=timezone)


@lru_cache(maxsize=_REMEMBERED)
def _second_of(year: int, month: int, day: str, clock_time: str, timezone: tzinfo) -> datetime | None:
    hour, minute, second = clock_time.split(":")
    return instant((year, month, int(day), int(hour), int(minute), int(second)), timezone=timezone)
