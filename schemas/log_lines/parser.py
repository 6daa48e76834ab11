"""Find a line's format and read it: one pass of one automaton names every format that fits, the first one reads it.

No memory of the lines before takes part in that, so the order of lines cannot change an answer (only the year of lines
that name none follows the lines before: see `RollingClock`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Final

import re2

from schemas.log_lines.application_formats import APPLICATION_FORMATS, GENERAL_FORMATS
from schemas.log_lines.clock import Clock, LineClock, RollingClock
from schemas.log_lines.device_formats import DEVICE_FORMATS
from schemas.log_lines.format import HEAD_CHARACTERS, LEVEL, LEVEL_IN_CAPITALS, Format, captured
from schemas.log_lines.line import LogLine
from schemas.log_lines.server_formats import SERVER_FORMATS
from schemas.log_lines.structured_formats import STRUCTURED_FORMATS
from schemas.log_lines.syslog_formats import SYSLOG_FORMATS, SYSLOG_ISO_FORMAT

_LAST_RESORTS = (
    # 1714644672 message, 1714644672.345: message, 1714644672345 message
    captured(
        "epoch",
        rf"\[?(?P<epoch>1\d{{9}}(?:\.\d{{1,9}})?|1\d{{12}}|1\d{{15}}|1\d{{18}})\]?:?\s+"
        rf"(?:(?:\[(?P<level>{LEVEL})\]|(?P<level__bare>{LEVEL_IN_CAPITALS})\b):?\s+)?",
    ),
    # WARNING:boiler:message, as Python's logging writes it when nobody configured it
    captured("python_basic", r"(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL):(?P<component>[\w.-]+):"),
    # [ERROR] [boiler] message, ERROR: message
    captured(
        "level",
        rf"(?:\[(?P<level>{LEVEL})\]:?|(?P<level__bare>{LEVEL_IN_CAPITALS}):)(?:\s*\[(?P<component>[\w.$:/-]{{1,80}})\]:?)?\s+",
    ),
)

FORMATS: Final[tuple[Format, ...]] = (
    *STRUCTURED_FORMATS,
    *SYSLOG_FORMATS,
    *SERVER_FORMATS,
    *DEVICE_FORMATS,
    *APPLICATION_FORMATS,
    SYSLOG_ISO_FORMAT,
    *GENERAL_FORMATS,
    *_LAST_RESORTS,
)
"""Every format, in the order in which they are tried."""

UNKNOWN: Final = "unknown"
"""The format of a line that none of them fits: the whole line is the message."""

_COLOUR = re2.compile("\x1b\\[[0-9;]*[mK]")


def parse_line(line: str, clock: LineClock) -> LogLine:
    """Read one line. Never raises: a line of no known format is a message, whole.

    Line ends, colours of a terminal, and blanks at the end of a line of a known format are left out.
    """
    return _parse(line, clock)


class LineParser:
    """Reads the lines of one file in order; what it knows of the lines before is the year that they have reached."""

    def __init__(self, clock: LineClock) -> None:
        self._clock = RollingClock(clock)

    def parse(self, line: str) -> LogLine:
        """Read the next line, as `parse_line` does."""
        return _parse(line, self._clock)


def _parse(line: str, clock: Clock) -> LogLine:
    line = line.rstrip("\r\n")
    if "\x1b" in line:
        line = _COLOUR.sub(b"", line.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
    said = _read(line.rstrip(" \t\r").removeprefix("\ufeff"), clock)
    if said is None:
        return LogLine(line, UNKNOWN)
    if said.attributes and "stream" in said.attributes:
        return _unwrapped(said, clock)
    return said


def _read(text: str, clock: Clock) -> LogLine | None:
    fitting: list[int] | None = _detector().Match(text[:HEAD_CHARACTERS].encode("utf-8", "replace"))
    if fitting:
        for index in sorted(fitting):
            if (said := FORMATS[index].read(text, clock)) is not None:
                return said
    return None


def _unwrapped(outer: LogLine, clock: Clock) -> LogLine:
    """Read the program's own line that a container runtime kept with a time and the name of its stream, one level deep.

    What the inner line does not say stays the runtime's word; an inner line of no known format is the message.
    """
    inner = _read(outer.message.rstrip(" \t\r\n"), clock)
    if inner is None:
        return outer
    return replace(
        inner,
        event_time=inner.event_time or outer.event_time,
        host=inner.host or outer.host,
        attributes={**(outer.attributes or {}), **(inner.attributes or {})},
    )


@cache
def _detector() -> re2.Set:
    """Build the automaton of all formats' patterns, once a process; it keeps no trace of what it matched."""
    options = re2.Options()
    options.max_mem = 64 << 20
    options.log_errors = False
    detector = re2.Set.MatchSet(options)
    for format in FORMATS:
        detector.Add(format.pattern)
    detector.Compile()
    return detector
