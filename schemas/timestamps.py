"""Points in time as text: read them strictly, write them in one form, always UTC and microseconds.

Reads RFC 3339 (a zone is required) and the common forms without a zone, whose zone the caller names.
Gives `datetime` values in UTC; None when a text is no such time (the caller knows which row and column to name).
Digits beyond microseconds are cut off, not rounded, so an order between times is never turned round.
Source: RFC 3339 section 5.6 (the grammar) and 5.7 (the second 60, which becomes the second after it, as in POSIX time).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

import re2

# Years have four digits; months to seconds one or two, because spreadsheets write 2014/4/1 0:05.
_SPLIT_FORM = re2.compile(rb"(\d{4})([-/.])(\d\d?)([-/.])(\d\d?)(?:[T ](\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?")
_BASIC_FORM = re2.compile(rb"(\d{4})(\d\d)(\d\d)(?:[T ]?(\d\d)(\d\d)(?:(\d\d)(?:[.,](\d{1,9}))?)?)?")


def parse_timestamp(text: str) -> datetime | None:
    """Read one RFC 3339 time with its zone; None for anything else.

    >>> parse_timestamp("2014-04-01T08:00:00.5+08:00")
    datetime.datetime(2014, 4, 1, 0, 0, 0, 500000, tzinfo=datetime.timezone.utc)
    >>> parse_timestamp("2014-04-01T08:00:00") is None
    True
    """
    if len(text) < 20 or not text.isascii():
        return None
    # datetime.fromisoformat takes more than RFC 3339 does, so what it would let through is refused first.
    if text[10] not in "Tt " or text[4] != "-" or text[7] != "-" or text[13] != ":" or text[16] != ":":
        return None
    if text[-1] in "Zz":
        clock, zone = text[:-1], "+00:00"
    elif len(text) >= 25 and text[-6] in "+-" and text[-3] == ":" and text[-2:] < "60":
        clock, zone = text[:-6], text[-6:]
    else:
        return None
    fraction = clock[19:]
    if fraction and (fraction[0] != "." or not fraction[1:].isdigit()):
        return None
    leap = clock[17:19] == "60"
    if leap:
        clock = clock[:17] + "59"
        fraction = ""
    try:
        if clock[11:13] == "24":  # newer Python versions read it as the next day's midnight, RFC 3339 does not
            return None
        moment = datetime.fromisoformat(clock[:19] + fraction[:7] + zone).astimezone(UTC)
        if leap:  # only the last minute of a UTC day has a second 60
            return moment + timedelta(seconds=1) if (moment.hour, moment.minute) == (23, 59) else None
    except (ValueError, OverflowError):
        return None
    return moment


def parse_naive_timestamp(text: str, timezone: tzinfo) -> datetime | None:
    """Read one time that names no zone, as a time of `timezone`; None when it is none, or names a zone.

    Reads `2014-04-01 00:00:00`, `2014-04-01T00:00`, `2014/04/01 00:00`, `2014/4/1 0:05`, `2014-04-01`, ISO basic
    `20140401T000000` and `20140401000000`, each with up to nine digits of a second. Where clocks were put back, an
    hour that occurs twice is taken as the first of the two.
    """
    if len(text) > 40 or not text.isascii():
        return None
    if len(text) == 19 and (text[4], text[13], text[16]) == ("-", ":", ":") and text[10] in " T" and text[11:13] < "24":
        try:  # the most common form, without a pattern
            return datetime.fromisoformat(text).replace(tzinfo=timezone).astimezone(UTC)
        except (ValueError, OverflowError):
            return None
    data = text.encode()
    if match := _SPLIT_FORM.fullmatch(data):
        year, first, month, second, day, *clock = match.groups()
        if first != second:
            return None
    elif match := _BASIC_FORM.fullmatch(data):
        year, month, day, *clock = match.groups()
    else:
        return None
    hour, minute, seconds, fraction = clock
    return instant(
        (int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(seconds or 0)),
        microsecond=microseconds_of((fraction or b"").decode()),
        timezone=timezone,
    )


def instant(
    parts: tuple[int, int, int, int, int, int], *, microsecond: int = 0, timezone: tzinfo = UTC
) -> datetime | None:
    """Give the UTC time of (year, month, day, hour, minute, second) in a zone; None when no calendar has it."""
    year, month, day, hour, minute, second = parts
    try:
        local = datetime(year, month, day, hour, minute, second, microsecond, timezone)
        return local if timezone is UTC else local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def microseconds_of(digits: str) -> int:
    """Read the digits after a second's point as microseconds: `5` is half a second, an empty text is none."""
    return int(digits[:6].ljust(6, "0")) if digits else 0


def format_timestamp(moment: datetime) -> str:
    """Write a time as YYYY-MM-DDTHH:MM:SS.ffffffZ; a time without a zone is an error, because it is no point in time.

    >>> format_timestamp(datetime(2014, 4, 1, tzinfo=UTC))
    '2014-04-01T00:00:00.000000Z'
    """
    if moment.utcoffset() is None:
        raise ValueError(f"expected a time with a zone, got {moment.isoformat()} without one")
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="microseconds")[:26] + "Z"
