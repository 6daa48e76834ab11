"""Syslog and what descends from it: RFC 3164, RFC 5424, journald, OpenWrt and BusyBox, Cisco IOS.

RFC 3164 was written after the fact, so real lines differ: the host may be missing, the tag may hold a version or spaces
before its process id, BusyBox puts `facility.level` before the tag. What is no tag stays in the message.
"""

from __future__ import annotations

from datetime import datetime

import re2

from schemas.log_lines.clock import Clock
from schemas.log_lines.format import (
    FACILITIES,
    HEAD_CHARACTERS,
    ISO,
    LEVEL,
    MONTH,
    WEEKDAY,
    Format,
    captured,
    facility_of,
)
from schemas.log_lines.line import LogLine
from schemas.log_lines.stamps import epoch_stamp, iso_stamp, month_day_stamp, month_day_year_stamp
from schemas.severity import SYSLOG_SEVERITY_NAMES, severity_of_syslog, severity_of_word

_LEVEL_NAME = "emerg|alert|crit|err|warn|warning|notice|info|debug"
_FACILITY_LEVEL = rf"(?P<facility>{'|'.join(FACILITIES)})\.(?P<level>{_LEVEL_NAME})"
_CLOCK = r"\d\d:\d\d:\d\d"
_TAG = re2.compile(
    rf"\s*(?:{_FACILITY_LEVEL} )?(?:"
    # One word, and its version if it says it: `syslogd 1.4.1:`.
    r"(?P<component>[^\s:\[\]<>]+(?: \d[\w.]*)?)"
    # Words up to a process id: `Microsoft Word[14463]:`, with the subject that macOS adds: `sandboxd[129] ([31211]):`.
    r"|(?P<words>[^\s\[\]<>]+(?: [^\s\[\]<>]+){0,3})\[(?P<pid>[^\]\s]{1,32})\](?: \((?P<subject>[^\s)]+)\))?"
    r"):(?:\s|$)"
)
_PRECISE = re2.compile(
    rf"(?:<(?P<priority>\d{{1,3}})>)?(?:{WEEKDAY} )?(?P<month>{MONTH}) +(?P<day>\d\d?)(?: (?P<year>\d{{4}}))? "
    rf"(?P<clock>{_CLOCK})(?:\.(?P<fraction>\d{{1,9}}))?(?: (?P<zone>UTC|GMT|[+-]\d{{4}}))? "
)
_RFC5424 = re2.compile(
    r"<(?P<priority>\d{1,3})>[1-9]\d{0,2} (?P<time>\S+) (?P<host>\S+) (?P<component>\S+) (?P<pid>\S+) (?P<msgid>\S+) "
)
_ELEMENT = re2.compile(r'\[([^ =\]"]+)((?: [^ =\]"]+="(?:[^"\\\]]|\\.)*")*)\]')
_PARAMETER = re2.compile(r' ([^ =\]"]+)="((?:[^"\\\]]|\\.)*)"')


def _after_stamp(name: str, rest: str, moment: datetime | None, priority: int | None) -> LogLine:
    """Read what follows the time stamp: host, tag, process id, message."""
    host: str | None
    host, _, tail = rest.partition(" ")
    if host[-1:] == ":":  # a tag: the line names no host
        host, tail = None, rest
    attributes: dict[str, object] | None = None
    severity = text = pid = None
    if priority is not None:
        severity, text = severity_of_syslog(priority & 7), SYSLOG_SEVERITY_NAMES[priority & 7]
        attributes = {"facility": facility_of(priority)}
    component: str | None
    component, colon, message = tail.partition(": ")
    if colon and component[-1:] == "]":
        component, _, pid = component[:-1].partition("[")
    if not colon or not component or pid == "" or " " in component or ":" in component or "[" in (pid or component):
        # Not the plain `tag:` or `tag[pid]:`, which most lines have and which needs no pattern.
        component, pid, message, said = _tag(tail)
        if level := said.pop("level", None):
            severity, text = severity_of_word(level), level
        if said:
            attributes = {**(attributes or {}), **said}
    return LogLine(message.lstrip(" "), name, moment, host or None, component, pid, severity, text, attributes)


def _tag(tail: str) -> tuple[str | None, str | None, str, dict[str, str]]:
    """Give component, process id, message, and what else stands in the tag; without a tag everything is message."""
    data = tail[:HEAD_CHARACTERS].encode("utf-8", "replace")
    match = _TAG.match(data)
    if match is None:
        return None, None, tail, {}
    said = {key: value.decode() for key, value in match.groupdict().items() if value}
    component = said.pop("component", None) or said.pop("words", None)
    return component, said.pop("pid", None), tail[len(data[: match.end()].decode()) :], said


def _priority(line: str) -> tuple[int | None, str]:
    if line[0] != "<":
        return None, line
    number, _, rest = line[1:].partition(">")
    return int(number), rest


def _read_rfc3164(line: str, clock: Clock) -> LogLine:
    priority, line = _priority(line)
    return _after_stamp("syslog_rfc3164", line[16:], month_day_stamp(line, clock), priority)


def _read_precise(line: str, clock: Clock) -> LogLine | None:
    match = _PRECISE.match(line[:80].encode("utf-8", "replace"))
    if match is None:
        return None
    said = {key: value.decode() for key, value in match.groupdict().items() if value}
    moment = month_day_year_stamp(said, clock)
    priority = int(said["priority"]) if "priority" in said else None
    return _after_stamp("syslog_precise", line[match.end() :], moment, priority)


def _read_iso(line: str, clock: Clock) -> LogLine:
    priority, line = _priority(line)
    moment, end = iso_stamp(line, clock)
    return _after_stamp("syslog_iso", line[end + 1 :], moment, priority)


def _read_journald_full(line: str, clock: Clock) -> LogLine:
    moment, end = iso_stamp(line[4:], clock)
    return _after_stamp("journald_full", line[4 + end + 1 :], moment, None)


def _read_journald_unix(line: str, clock: Clock) -> LogLine:
    number, _, rest = line.partition(" ")
    return _after_stamp("journald_unix", rest, epoch_stamp(number), None)


def _read_journald_monotonic(line: str, clock: Clock) -> LogLine:
    """Read `[ 12.345678] host tag[pid]: message`: seconds since start-up, which are no point in time."""
    return _after_stamp("journald_monotonic", line[line.index("]") + 2 :], None, None)


def _read_rfc5424(line: str, clock: Clock) -> LogLine | None:
    data = line[:HEAD_CHARACTERS].encode("utf-8", "replace")
    match = _RFC5424.match(data)
    if match is None:
        return None
    said = {key: value.decode() for key, value in match.groupdict().items() if value != b"-"}
    end = match.end()
    attributes: dict[str, object] = {}
    if data[end : end + 1] == b"-":
        end += 1
    else:
        while element := _ELEMENT.match(data, end):
            attributes[element[1].decode()] = {
                key.decode(): _unescaped(value.decode()) for key, value in _PARAMETER.findall(element[2])
            }
            end = element.end()
        if not attributes:
            return None
    priority = int(said["priority"])
    attributes["facility"] = facility_of(priority)
    if "msgid" in said:
        attributes["msgid"] = said["msgid"]
    return LogLine(
        message=line[len(data[:end].decode()) :].removeprefix(" ").removeprefix("\ufeff"),
        format="syslog_rfc5424",
        event_time=iso_stamp(said["time"], clock)[0] if "time" in said else None,
        host=said.get("host"),
        component=said.get("component"),
        process_id=said.get("pid"),
        severity=severity_of_syslog(priority & 7),
        severity_text=SYSLOG_SEVERITY_NAMES[priority & 7],
        attributes=attributes,
    )


def _unescaped(value: str) -> str:
    """Take the backslash from the three characters that RFC 5424 escapes; before others it is itself."""
    if "\\" not in value:
        return value
    parts = value.split("\\\\")
    return "\\".join(part.replace('\\"', '"').replace("\\]", "]") for part in parts)


_PRIORITY = r"<\d{1,3}>"
_ISO_T = rf"\d{{4}}-\d\d-\d\dT{_CLOCK}(?:[.,]\d{{1,9}})?"
_OFFSET = r"[+-]\d\d:?\d\d"
_TAG_FOLLOWS = r"[^\s:]+ [^\s:\[\]]+(?:\[[^\]\s]+\])?: "
_TAG_WITH_ID_FOLLOWS = r"[^\s:]+ [^\s\[\]]+\[\d+\]: "

SYSLOG_FORMATS = (
    Format(
        "syslog_rfc5424",
        rf"{_PRIORITY}[1-9]\d{{0,2}} (?:-|{_ISO_T}(?:Z|{_OFFSET})?) \S+ \S+ \S+ \S+ (?:-|\[)",
        _read_rfc5424,
    ),
    captured(
        "cisco_ios",
        r"(?:<(?P<priority>\d{1,3})>)?(?:(?P<sequence>\d+): )?(?:(?P<host>[A-Za-z][\w.-]*): )?(?:(?P<counter>\d+): )?"
        rf"[*.]?(?P<month>{MONTH}) +(?P<day>\d\d?) (?:(?P<year>\d{{4}}) )?(?P<clock>{_CLOCK})"
        r"(?:\.(?P<fraction>\d{1,9}))?(?: (?P<zone>[A-Z]{3,5}))?: "
        r"%(?P<component>[A-Z][A-Z0-9_-]*)-(?P<number>[0-7])-(?P<mnemonic>[A-Z0-9_]+): ?",
    ),
    Format("syslog_rfc3164", rf"(?:{_PRIORITY})?{MONTH} [ 0-3]\d {_CLOCK} \S", _read_rfc3164),
    captured(
        "openwrt",
        rf"{WEEKDAY} (?P<month>{MONTH}) +(?P<day>\d\d?) (?P<clock>{_CLOCK}) (?P<year>\d{{4}}) {_FACILITY_LEVEL} "
        r"(?P<component>[^\s:\[]+)(?:\[(?P<pid>\d+)\])?: ?",
    ),
    # Thu May  2 10:11:12 UTC 2024 [warning] message, as `date` and ctime write the time
    captured(
        "ctime",
        rf"{WEEKDAY} (?P<month>{MONTH}) +(?P<day>\d\d?) (?P<clock>{_CLOCK})(?:\.(?P<fraction>\d{{1,9}}))?"
        rf"(?: (?P<zone>[A-Z]{{3,5}}))? (?P<year>\d{{4}}):? +(?:\[(?P<level>{LEVEL})\]:? +)?",
    ),
    Format("syslog_precise", _PRECISE.pattern + r"\S", _read_precise),
    Format("journald_full", rf"{WEEKDAY} {ISO} {_TAG_WITH_ID_FOLLOWS}", _read_journald_full),
    Format("journald_unix", rf"\d{{10}}\.\d{{6}} {_TAG_FOLLOWS}", _read_journald_unix),
    Format(
        "journald_monotonic",
        rf"\[ *\d+\.\d{{6}}\] (?:{_TAG_WITH_ID_FOLLOWS}|[^\s:]+ kernel: )",
        _read_journald_monotonic,
    ),
)
"""Formats whose front cannot be taken for another's."""

SYSLOG_ISO_FORMAT = Format(
    "syslog_iso",
    # Without priority or numeric offset only a process id tells a tag from a sentence with a colon.
    rf"(?:{_PRIORITY}{_ISO_T}(?:Z|{_OFFSET})?|{_ISO_T}{_OFFSET}) {_TAG_FOLLOWS}"
    rf"|\d{{4}}-\d\d-\d\d[T ]{_CLOCK}(?:[.,]\d{{1,9}})?(?:Z|{_OFFSET})? {_TAG_WITH_ID_FOLLOWS}",
    _read_iso,
)
"""RFC 3164 with an ISO 8601 stamp, as rsyslog and journald write it; tried after the application formats."""
