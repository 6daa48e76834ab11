"""One format of log lines: how its lines begin, and how to take such a line apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import re2

from schemas.log_lines.clock import Clock
from schemas.log_lines.line import LogLine
from schemas.log_lines.stamps import epoch_stamp, iso_stamp, month_day_year_stamp
from schemas.severity import SYSLOG_SEVERITY_NAMES, severity_of_syslog, severity_of_word

HEAD_CHARACTERS = 4096
"""Patterns look at so many characters of a line at most; what comes after is message, whatever it is."""

ISO = (
    r"\d{4}[-/.]\d\d[-/.]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
    r"(?:(?:Z| ?UTC| ?GMT)\b| ?[+-]\d\d:?\d\d\b|[+-]\d\d\b)?"
)
MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
WEEKDAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
# In capitals a bare word at the front is a level; in other letters it may as well begin a sentence.
LEVEL_IN_CAPITALS = (
    "(?:EMERGENCY|EMERG|ALERT|CRITICAL|CRIT|FATAL|PANIC|SEVERE|ERROR|ERR|WARNING|WARN|WRN|NOTICE|NOTE|INFORMATION|INFO"
    "|INF|DEBUG|DBG|TRACE|VERBOSE|FINEST|FINER|FINE|CONFIG)"
)
LEVEL = (
    "(?:(?i:emergency|emerg|alert|critical|crit|fatal|panic|severe|error|err|warning|warn|wrn|notice|note|information"
    "|info|inf|debug|dbg|trace|verbose|major|minor|cleared)|紧急|致命|严重|重要|次要|错误|故障|警告|告警|通知|提示|信息"
    "|调试)"
)

FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"),
)
"""Names of the syslog facilities 0 to 23 (RFC 5424, table 1)."""

_STAMP_GROUPS = frozenset({"iso", "month", "day", "clock", "fraction", "year", "zone", "epoch"})
_LINE_GROUPS = frozenset({"host", "component", "pid", "level", "number", "priority"})


@dataclass(frozen=True, slots=True)
class Format:
    """A format's name, the RE2 pattern that the front of its lines matches, and the reader of such a line.

    The reader may still answer None: the line only looked like it, and the next format that fits is tried.
    """

    name: str
    pattern: str
    read: Callable[[str, Clock], LogLine | None]


def captured(
    name: str, pattern: str, *, levels: Mapping[str, str] | None = None, component: str | None = None
) -> Format:
    """Declare a format by one pattern whose named groups are the line's parts; the message is what follows the match.

    Groups: the stamp as `iso`, as `epoch`, or as `month`, `day`, `clock`, `fraction`, `year`, `zone`; `host`,
    `component`, `pid`; the severity as `level` (a word; `levels` translates a format's own letters), `number` (a
    syslog severity) or `priority` (a syslog priority). Any other group becomes an attribute of its name. Where a part
    may stand in several places, each place is a group `part__place`. `component` is for formats that never name one
    because all their lines have the same.
    """
    compiled = cache(lambda: re2.compile(pattern))  # when first needed: most formats never meet a line

    def read(line: str, clock: Clock) -> LogLine | None:
        data = line[:HEAD_CHARACTERS].encode("utf-8", "replace")
        match = compiled().match(data)
        if match is None:
            return None
        said = {key.partition("__")[0]: value.decode() for key, value in match.groupdict().items() if value}
        severity, text = _severity(said, levels)
        attributes = {key: value for key, value in said.items() if key not in _STAMP_GROUPS | _LINE_GROUPS}
        if "priority" in said:
            attributes["facility"] = facility_of(int(said["priority"]))
        return LogLine(
            message=line[len(data[: match.end()].decode()) :],
            format=name,
            event_time=_moment(said, clock),
            host=said.get("host"),
            component=said.get("component", component),
            process_id=said.get("pid"),
            severity=severity,
            severity_text=text,
            attributes=attributes or None,
        )

    return Format(name, pattern, read)


def facility_of(priority: int) -> str:
    """Name the facility of a syslog priority; numbers beyond the table stay numbers."""
    facility = priority >> 3
    return FACILITIES[facility] if facility < len(FACILITIES) else str(facility)


def _moment(said: Mapping[str, str], clock: Clock) -> datetime | None:
    if "iso" in said:
        return iso_stamp(said["iso"], clock)[0]
    if "epoch" in said:
        return epoch_stamp(said["epoch"])
    return month_day_year_stamp(said, clock) if "month" in said else None


def _severity(said: Mapping[str, str], levels: Mapping[str, str] | None) -> tuple[str | None, str | None]:
    if "level" in said:
        text = said["level"]
        return severity_of_word(levels.get(text, text) if levels else text), text
    if "number" in said:
        return severity_of_syslog(int(said["number"])), said["number"]
    if "priority" in said:
        number = int(said["priority"]) & 7
        return severity_of_syslog(number), SYSLOG_SEVERITY_NAMES[number]
    return None, None
