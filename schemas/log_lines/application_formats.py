"""What logging libraries write: log4j and logback, Python logging, oslo (OpenStack), Hadoop, Spring, Rust, glog.

The readers of Zookeeper's, Hadoop's and oslo's lines use no pattern a second time, because such logs are large: the
format's pattern has already said where everything is.
"""

from __future__ import annotations

from schemas.log_lines.clock import Clock
from schemas.log_lines.format import ISO, LEVEL, LEVEL_IN_CAPITALS, Format, captured
from schemas.log_lines.line import LogLine
from schemas.log_lines.stamps import iso_stamp
from schemas.severity import severity_of_word
from schemas.timestamps import instant

_ISO = rf"(?P<iso>{ISO})"
_LEVEL = rf"(?P<level>{LEVEL_IN_CAPITALS})"
_LOGGER = r"[A-Za-z_][\w.$/-]*"
_THREAD = r"\[ *(?P<thread>[^\]]{0,80})\]"


def _read_log4j(line: str, clock: Clock) -> LogLine:
    """Read `STAMP - LEVEL  [thread:Class@line] - message`, as ZooKeeper configures log4j."""
    moment, end = iso_stamp(line, clock)
    level, _, rest = line[end + 3 :].partition(" ")
    origin, _, message = rest.partition("] - ")
    where, _, number = origin.rpartition("@")
    thread, _, component = where.rpartition(":")
    attributes: dict[str, object] = {"thread": thread.lstrip(" [").rstrip(":"), "line": number}
    return LogLine(
        message,
        "log4j_thread",
        moment,
        None,
        component.lstrip(" [") or None,
        None,
        severity_of_word(level),
        level,
        attributes,
    )


def _read_hadoop(line: str, clock: Clock) -> LogLine:
    """Read `yymmdd HHMMSS thread LEVEL component: message`; the two digits are of this century, as Hadoop is."""
    day, time, thread, level, rest = line.split(" ", 4)
    component, _, message = rest.partition(":")
    parts = (2000 + int(day[:2]), int(day[2:4]), int(day[4:]), int(time[:2]), int(time[2:4]), int(time[4:]))
    moment = instant(parts, timezone=clock.timezone)
    return LogLine(message.removeprefix(" "), "hadoop", moment, None, component, thread, severity_of_word(level), level)


def _read_oslo(line: str, clock: Clock) -> LogLine:
    """Read `STAMP pid LEVEL logger [request] message`, with the file's name before it where several were merged."""
    attributes: dict[str, object] | None = None
    if not line[0].isdigit():
        file, _, line = line.partition(" ")
        attributes = {"file": file}
    moment, end = iso_stamp(line, clock)
    pid, level, component, rest = line[end + 1 :].split(" ", 3)
    request, _, message = rest.partition("]")
    if request != "[-":
        attributes = {**(attributes or {}), "request": request[1:]}
    return LogLine(
        message.removeprefix(" "), "oslo", moment, None, component, pid, severity_of_word(level), level, attributes
    )


APPLICATION_FORMATS = (
    Format("log4j_thread", rf"{ISO} - {LEVEL_IN_CAPITALS} +\[[^@]{{1,200}}@\d+\] - ", _read_log4j),
    Format("hadoop", rf"\d{{6}} \d{{6}} \d+ {LEVEL_IN_CAPITALS} [\w.$-]+:", _read_hadoop),
    Format(
        "oslo",
        r"(?:[A-Za-z][\w.-]*\.log\S* )?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.,]\d+ \d+ "
        rf"{LEVEL_IN_CAPITALS} [\w.-]+ \[[^\]]*\]",
        _read_oslo,
    ),
    # 2024-05-02 10:11:12,345 - boiler.control - WARNING - message
    captured("python_logging", rf"{_ISO} - (?P<component>[^\s][^-]{{0,80}}?) - {_LEVEL} - "),
    # 2024-05-02 10:11:12.345  INFO 4711 --- [nio-8080-exec-1] c.e.Application : message
    captured("spring_boot", rf"{_ISO} +{_LEVEL} (?P<pid>\d+) --- (?:\[[^\]]*\] )??{_THREAD} (?P<component>\S+) *: "),
    # 2024-05-02 10:11:12,345 [main] INFO  com.example.Boiler - message
    captured("logback", rf"{_ISO} +{_THREAD} +{_LEVEL} +(?P<component>{_LOGGER}) *(?:-|:) "),
    # 2024-05-02 10:11:12,345 INFO  [com.example.Boiler] (main) message, as WildFly and Quarkus write it
    captured("jboss", rf"{_ISO} +{_LEVEL} +\[(?P<component>{_LOGGER})\] \((?P<thread>[^)]{{0,80}})\) "),
    # 2024-05-02 10:11:12,345 INFO [main] com.example.Boiler: message
    captured("log4j_level_thread", rf"{_ISO} +{_LEVEL} +{_THREAD} (?P<component>{_LOGGER}) *(?:-|:) "),
    # 2024-05-02T10:11:12.345Z  INFO boiler::control: message, and log4j without a thread
    captured("log4j", rf"{_ISO}:? +{_LEVEL} +(?P<component>[A-Za-z_][\w.$:/-]*\w)(?:: | - )"),
    # [2024-05-02T10:11:12Z INFO  boiler::control] message, as Rust's env_logger writes it
    captured("env_logger", rf"\[{_ISO} {_LEVEL} +(?P<component>[\w:.-]+)\] "),
    # [2024-05-02 10:11:12] production.ERROR: message, as PHP's Monolog writes it
    captured("monolog", rf"\[{_ISO}\] (?P<component>[\w-]+)\.{_LEVEL}: "),
    # 10:11:12.345 [main] WARN  com.example.Boiler - message: a time without its day
    captured("logback_time", rf"\d\d:\d\d:\d\d[.,]\d{{1,9}} {_THREAD} +{_LEVEL} +(?P<component>{_LOGGER}) *(?:-|:) "),
)

_DATED = rf"\[?{_ISO}\]?:?"
_COMPONENT_AFTER = r"(?: *\[(?P<component>[\w.$:/\p{Han}-]{1,80})\])?"

GENERAL_FORMATS = (
    # A stamp, then bracketed words around a level: [2024-05-02 10:11:12] [boiler] [ERROR] message
    captured(
        "time_component_level",
        rf"{_DATED} *[-|]? *\[(?P<component>[^\[\]]{{1,80}})\] *[-|]? *"
        rf"(?:\[(?P<level>{LEVEL})\]|(?P<level__bare>{LEVEL_IN_CAPITALS})\b):?(?: +[-|])?\s*",
    ),
    # 2024-05-02 10:11:12 WARN message; [2024-05-02 10:11:12][警告][锅炉] message
    captured(
        "time_level",
        rf"{_DATED} *[-|]? *(?:\[ *(?P<level>{LEVEL}) *\]|<(?P<level__angled>{LEVEL})>"
        rf"|(?P<level__bare>{LEVEL_IN_CAPITALS})\b|(?P<level__colon>{LEVEL}):){_COMPONENT_AFTER}:?(?: +[-|])?\s*",
    ),
    captured("time", rf"(?:\[{_ISO}\]|(?P<iso__bare>{ISO}))(?: - |: |:?$|\s+)"),
)
"""A time, perhaps a level, and a message: what is left when no format is recognised by more."""
