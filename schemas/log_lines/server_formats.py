"""What servers write in formats of their own: Apache, nginx, access logs, databases, container runtimes."""

from __future__ import annotations

from schemas.log_lines.clock import Clock
from schemas.log_lines.format import ISO, MONTH, WEEKDAY, Format, captured
from schemas.log_lines.line import LogLine
from schemas.log_lines.stamps import month_day_year_stamp
from schemas.severity import severity_of_word

_ISO = rf"(?P<iso>{ISO})"
_CLOCK = r"(?P<clock>\d\d:\d\d:\d\d)"


def _read_apache_error(line: str, clock: Clock) -> LogLine:
    """Read `[day stamp] [module:level] [pid 1:tid 2] message`; a client's address stays in the message."""
    stamp, _, rest = line[1:].partition("] [")
    _, month, day, time, year = stamp.split()
    said = {"month": month, "day": day, "clock": time[:8], "fraction": time[9:], "year": year}
    level, _, message = rest.partition("]")
    module, _, level = level.rpartition(":")
    message = message.removeprefix(" ")
    pid = None
    attributes: dict[str, object] | None = None
    if message.startswith("[pid "):
        ids, _, message = message[5:].partition("]")
        pid, _, thread = ids.partition(":tid ")
        attributes = {"thread": thread} if thread else None
        message = message.removeprefix(" ")
    return LogLine(
        message,
        "apache_error",
        month_day_year_stamp(said, clock),
        None,
        module or None,
        pid,
        severity_of_word(level),
        level,
        attributes,
    )


SERVER_FORMATS = (
    Format(
        "apache_error",
        rf"\[{WEEKDAY} {MONTH} +\d\d? \d\d:\d\d:\d\d(?:\.\d{{1,9}})? \d{{4}}\] \[(?:[\w-]*:)?[a-z]+\d?\]",
        _read_apache_error,
    ),
    # 2024/05/02 10:11:12 [error] 4711#4711: *15 message
    captured("nginx_error", rf"{_ISO} \[(?P<level>[a-z]+)\] (?P<pid>\d+)#(?P<thread>\d+): (?:\*(?P<connection>\d+) )?"),
    # 10.0.0.7 - anna [02/May/2024:10:11:12 +0800] "GET / HTTP/1.1" 200 612: the request is the message
    captured(
        "access",
        rf"(?P<client>[\w.:-]+) (?P<ident>\S+) (?P<user>\S+) \[(?P<day>\d\d)/(?P<month>{MONTH})/"
        rf"(?P<year>\d{{4}}):{_CLOCK}"
        r"(?: (?P<zone>[+-]\d{4}))?\] ",
    ),
    # 2024-05-02 10:11:12.345 UTC [4711] app@meters ERROR:  message
    captured(
        "postgresql",
        rf"{_ISO}(?: [A-Z]{{3,5}})? \[(?P<pid>\d+)(?:-\d+)?\] (?:(?P<user>[\w-]+)@(?P<database>[\w-]+) )?"
        r"(?P<level>DEBUG[1-5]?|INFO|NOTICE|WARNING|ERROR|LOG|FATAL|PANIC|DETAIL|HINT|STATEMENT|CONTEXT):\s+",
        levels={f"DEBUG{number}": "DEBUG" for number in range(1, 6)} | {"CONTEXT": "DETAIL"},
        component="postgres",
    ),
    # 2024-05-02T10:11:12.345678Z 0 [Warning] [MY-010068] [Server] message
    captured(
        "mysql",
        rf"{_ISO} +(?P<thread>\d+) \[(?P<level>System|ERROR|Error|Warning|WARNING|Note|NOTE)\] "
        r"(?:\[(?P<code>MY-\d+)\] )?(?:\[(?P<component>\w+)\] )?",
        levels={"System": "note"},
    ),
    # 4711:M 02 May 2024 10:11:12.345 # message
    captured(
        "redis",
        rf"(?P<pid>\d+):[XCSM] (?P<day>\d\d) (?P<month>{MONTH}) (?P<year>\d{{4}}) {_CLOCK}\.(?P<fraction>\d{{3}}) "
        r"(?P<level>[.*#-]) ",
        levels={".": "debug", "-": "info", "*": "notice", "#": "warning"},
        component="redis",
    ),
    # 2024-05-02T10:11:12.345678901Z stderr F message, as container runtimes keep it (the word says the stream)
    captured("container", rf"{_ISO} (?P<stream>stdout|stderr) (?P<tag>[FP]) "),
)
