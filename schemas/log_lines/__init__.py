"""Raw log lines of devices, servers and applications, to rows: time, host, component, severity, message."""

from schemas.log_lines.clock import LineClock, RollingClock
from schemas.log_lines.line import LogLine
from schemas.log_lines.parser import FORMATS, UNKNOWN, LineParser, parse_line

__all__ = ["FORMATS", "UNKNOWN", "LineClock", "LineParser", "LogLine", "RollingClock", "parse_line"]
