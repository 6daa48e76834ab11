"""The zone of time stamps that name none, and whether it was needed at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import re2

from pipelines.bad_input import BadInput

_OFFSET = re2.compile(r"([+-])(\d\d):?(\d\d)?")


class NotedZone(tzinfo):
    """A zone that remembers whether anybody asked it, so that a person can be told what was assumed."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self.used = False

    def __str__(self) -> str:
        """Return what the zone is called."""
        return str(self._zone)

    def utcoffset(self, moment: datetime | None, /) -> timedelta | None:
        """Return the zone's offset, and remember that it was needed."""
        self.used = True
        return self._zone.utcoffset(None if moment is None else moment.replace(tzinfo=self._zone))

    def dst(self, moment: datetime | None, /) -> timedelta | None:
        """Return the zone's daylight saving time."""
        return self._zone.dst(None if moment is None else moment.replace(tzinfo=self._zone))

    def tzname(self, moment: datetime | None, /) -> str | None:
        """Return the zone's name."""
        return self._zone.tzname(None if moment is None else moment.replace(tzinfo=self._zone))


def zone_named(name: str) -> tzinfo:
    """Return the zone of an IANA name (Europe/Berlin) or an offset (+08:00, -0530, Z); BadInput for anything else.

    >>> zone_named("+08:00")
    datetime.timezone(datetime.timedelta(seconds=28800))
    """
    if name in ("Z", "z", "UTC"):
        return UTC
    if match := _OFFSET.fullmatch(name):
        sign, hours, minutes = match.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        if offset < timedelta(hours=24) and int(minutes or 0) < 60:
            return timezone(-offset if sign == "-" else offset)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise BadInput(
            f"expected a time zone like Europe/Berlin (known to this machine) or an offset like +08:00, got {name!r}"
        ) from None
