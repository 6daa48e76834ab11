"""Lines that are data already: one JSON object, or key=value pairs (logfmt), under the keys that loggers commonly use.

The message is the value of the message key; where there is none, the whole line. Keys without a part of their own
become attributes, as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Final, TypeVar

import orjson
import re2

from schemas.log_lines.clock import Clock
from schemas.log_lines.format import HEAD_CHARACTERS, Format
from schemas.log_lines.line import LogLine
from schemas.log_lines.stamps import any_stamp
from schemas.severity import (
    SYSLOG_SEVERITY_NAMES,
    severity_of_opentelemetry,
    severity_of_syslog,
    severity_of_word,
)

Part = TypeVar("Part")

LONGEST_OBJECT: Final = 64 * 1024
"""A longer line is not read as JSON: it is a document, not a log line, and stays whole."""

# First match wins. A dotted key is looked up as it is, then as a path into nested objects (Elastic Common Schema).
_TIME = "@timestamp timestamp time ts datetime eventtime event_time timestampms date asctime __realtime_timestamp"
_NUMBER = "severitynumber severity_number"
_LEVEL = "level severity severity_text severitytext loglevel log_level log.level levelname lvl priority"
_MESSAGE = "message msg short_message"
# Loggers use these for the message too, but so does data that is no log: they count beside a time or a level only.
_MESSAGE_OR_DATA = "log event body text"
_COMPONENT = (
    "logger component logger_name log.logger loggername module service.name service program app syslog_identifier unit"
    " name caller"
)
_HOST = "host.name host hostname _hostname node"
_PID = "pid process.pid process_id processid _pid"

# Bunyan and pino count in tens; GELF and journald use syslog's numbers under the same keys.
_TENS = {10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal"}

# Seconds of nine digits begin in 1973; no log of a device is older.
_FIRST_TIME = datetime(1973, 3, 3, tzinfo=UTC)

_PAIR = re2.compile(r'\s*([\w.@/-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))(?:\s+|$)')


class _Keys:
    """The keys of one line, each given out once, whatever the case that the line writes them in."""

    def __init__(self, said: Mapping[str, object]) -> None:
        self._said = dict(said)
        self._lower = {key.lower(): key for key in reversed(list(said))}

    def take(self, candidates: str, read: Callable[[object], Part | None]) -> Part | None:
        """Give what `read` makes of the first of these keys that it makes anything of, and forget that key."""
        for candidate in candidates.split():
            key = self._lower.get(candidate)
            if key is not None and key in self._said and (part := read(self._said[key])) is not None:
                del self._said[key]
                return part
            outer, dot, inner = candidate.partition(".")
            nested = self._said.get(outer) if dot else None
            if isinstance(nested, dict) and (part := read(nested.get(inner))) is not None:
                self._said[outer] = {name: value for name, value in nested.items() if name != inner}
                if not self._said[outer]:
                    del self._said[outer]
                return part
        return None

    def rest(self) -> dict[str, object] | None:
        """Give what nobody took."""
        return self._said or None


def _line(name: str, line: str, said: Mapping[str, object], clock: Clock) -> LogLine | None:
    keys = _Keys(said)
    moment = keys.take(_TIME, partial(_moment, clock))
    number = keys.take(_NUMBER, _id)
    level = keys.take(_LEVEL, _id)
    message = keys.take(_MESSAGE, _text)
    if moment is not None or number is not None or level is not None:
        message = message if message is not None else keys.take(_MESSAGE_OR_DATA, _text)
    elif message is None:
        return None  # data, but nothing that a logger writes
    severity, text = _severity(level, number)
    return LogLine(
        message=line if message is None else message.rstrip("\r\n"),
        format=name,
        event_time=moment,
        host=keys.take(_HOST, _text),
        component=keys.take(_COMPONENT, _text),
        process_id=keys.take(_PID, _id),
        severity=severity,
        severity_text=text,
        attributes=keys.rest(),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _id(value: object) -> str | None:
    """Read a text or a whole number; true and false are neither."""
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else None


def _moment(clock: Clock, value: object) -> datetime | None:
    """Read a time; a number too small for one (seconds since start-up, degrees) is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        value = f"{value:.6f}"
    moment = any_stamp(str(value), clock) if isinstance(value, (str, int)) else None
    return None if moment is None or moment < _FIRST_TIME else moment


def _severity(level: str | None, number: str | None) -> tuple[str | None, str | None]:
    """Read a level as word or number, and OpenTelemetry's number where the word is unknown or missing."""
    severity, text = None, level
    if level is not None:
        short = _short_number(level)
        if short is None:
            severity = severity_of_word(level)
        elif short in _TENS:
            severity, text = severity_of_word(_TENS[short]), _TENS[short]
        elif short < len(SYSLOG_SEVERITY_NAMES):
            severity, text = severity_of_syslog(short), SYSLOG_SEVERITY_NAMES[short]
    if severity is None and number is not None and (short := _short_number(number)) is not None:
        severity = severity_of_opentelemetry(short)
        text = number if text is None else text
    return severity, text


def _short_number(text: str) -> int | None:
    return int(text) if len(text) <= 2 and text.isascii() and text.isdecimal() else None


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
