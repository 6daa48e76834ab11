"""Lines that are data already: one JSON object, or key=value pairs (logfmt), under the keys that loggers commonly use.

The message is the value of the message key; where there is none, the whole line. Keys without a part of their own
become attributes, as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import orjson
import re2

from schemas.log_lines.clock import Clock
from schemas.log_lines.format import HEAD_CHARACTERS, Format
from schemas.log_lines.line import LogLine
from schemas.log_lines.stamps import any_stamp, epoch_stamp
from schemas.severity import (
    SYSLOG_SEVERITY_NAMES,
    severity_of_opentelemetry,
    severity_of_syslog,
    severity_of_word,
)

LONGEST_OBJECT = 64 * 1024
"""A longer line is not read as JSON: it is a document, not a log line, and stays whole."""

# First match wins. A dotted key is looked up as it is, then as a path into nested objects (Elastic Common Schema).
_TIME = "@timestamp timestamp time ts datetime eventtime event_time timestampms date asctime __realtime_timestamp t"
_LEVEL = "level severity severity_text severitytext loglevel log_level log.level levelname lvl priority"
_MESSAGE = "message msg log event body short_message text"
_COMPONENT = (
    "logger component logger_name log.logger loggername module service.name service program app syslog_identifier unit"
    " name caller"
)
_HOST = "host.name host hostname _hostname node"
_PID = "pid process.pid process_id processid _pid"

# Bunyan and pino count in tens; GELF and journald use syslog's numbers under the same keys.
_TENS = {10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal"}

_PAIR = re2.compile(r'\s*([\w.@/-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))(?:\s+|$)')


class _Keys:
    """The keys of one line, each given out once, whatever the case that the line writes them in."""

    def __init__(self, said: Mapping[str, object]) -> None:
        self._said = dict(said)
        self._lower = {key.lower(): key for key in reversed(list(said))}

    def take(self, candidates: str, *kinds: type) -> object:
        """Give the value of the first of these keys that holds one of these types, and forget it."""
        for candidate in candidates.split():
            key = self._lower.get(candidate)
            if key is not None and key in self._said:
                value = self._said[key]
                if isinstance(value, kinds) and not isinstance(value, bool):
                    del self._said[key]
                    return value
            outer, dot, inner = candidate.partition(".")
            nested = self._said.get(outer) if dot else None
            if isinstance(nested, dict) and isinstance(nested.get(inner), kinds):
                rest = {name: value for name, value in nested.items() if name != inner}
                value = nested[inner]
                if rest:
                    self._said[outer] = rest
                else:
                    del self._said[outer]
                return value
        return None

    def rest(self) -> dict[str, object] | None:
        """Give what nobody took."""
        return self._said or None


def _line(name: str, line: str, said: Mapping[str, object], clock: Clock) -> LogLine | None:
    keys = _Keys(said)
    time = keys.take(_TIME, str, int, float)
    number = keys.take("severitynumber severity_number", int, str)
    level = keys.take(_LEVEL, str, int)
    message = keys.take(_MESSAGE, str)
    if time is None and number is None and level is None and message is None:
        return None  # data, but nothing that a logger writes
    severity, text = _severity(level, number)
    component = keys.take(_COMPONENT, str)
    host = keys.take(_HOST, str)
    pid = keys.take(_PID, str, int)
    return LogLine(
        message=line if message is None else str(message).rstrip("\r\n"),
        format=name,
        event_time=_moment(time, clock),
        host=None if host is None else str(host),
        component=None if component is None else str(component),
        process_id=None if pid is None else str(pid),
        severity=severity,
        severity_text=text,
        attributes=keys.rest(),
    )


def _moment(value: object, clock: Clock) -> datetime | None:
    if isinstance(value, str):
        return any_stamp(value, clock)
    if isinstance(value, float):
        return epoch_stamp(f"{value:.6f}")
    return epoch_stamp(str(value)) if isinstance(value, int) else None


def _severity(level: object, number: object) -> tuple[str | None, str | None]:
    """Read a level as word or number, and OpenTelemetry's number where the word is unknown or missing."""
    text = None if level is None else str(level)
    severity: str | None = None
    if isinstance(level, str) and not level.isdecimal():
        severity = severity_of_word(level)
    elif text is not None and len(text) <= 2 and text.isascii() and text.isdecimal():
        said = int(text)
        severity = severity_of_word(_TENS[said]) if said in _TENS else severity_of_syslog(said)
        text = _TENS.get(said) or (SYSLOG_SEVERITY_NAMES[said] if said < 8 else text)
    digits = str(number)
    if severity is None and number is not None and len(digits) <= 2 and digits.isascii() and digits.isdecimal():
        severity = severity_of_opentelemetry(int(digits))
        text = text if text is not None else digits
    return severity, text


def _read_json(line: str, clock: Clock) -> LogLine | None:
    if len(line) > LONGEST_OBJECT:
        return None
    try:
        said = orjson.loads(line)
    except (orjson.JSONDecodeError, RecursionError):
        return None
    return _line("json", line, said, clock) if isinstance(said, dict) else None


def _read_logfmt(line: str, clock: Clock) -> LogLine | None:
    """Read a line that is nothing but key=value pairs, at least two, one of them the time, level or message."""
    if len(line) > HEAD_CHARACTERS:
        return None
    data = line.encode("utf-8", "replace")
    said: dict[str, object] = {}
    end = 0
    while end < len(data):
        pair = _PAIR.match(data, end)
        if pair is None:
            return None
        key, quoted, plain = (part.decode() if part is not None else None for part in pair.groups())
        value = plain if quoted is None else quoted.replace('\\"', '"').replace("\\\\", "\\")
        said.setdefault(key or "", value)
        end = pair.end()
    return _line("logfmt", line, said, clock) if len(said) > 1 else None


STRUCTURED_FORMATS = (
    Format("json", r"\s*\{", _read_json),
    Format("logfmt", r'\s*[\w.@/-]+=(?:"(?:[^"\\]|\\.)*"|[^\s"]*)\s+[\w.@/-]+=', _read_logfmt),
)
