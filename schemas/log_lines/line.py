"""What one raw log line says, taken apart: when, where, which program, how bad, and the message itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LogLine:
    """One log line in its parts; None where the line says nothing.

    `message` is always there: the whole line where the format is `unknown`. `event_time` is UTC with microseconds.
    `component` is the program or logger without its process id, `process_id` is that id (or the thread's, where the
    format has no other) as text. `severity` is an X.733 term, `severity_text` the line's own word ("ERROR"; for a
    syslog priority the name of its severity). `format` names the format found. `attributes` is whatever else the line
    said beside its message, by the line's own names: thread, request id, structured data, other keys.
    """

    message: str
    format: str
    event_time: datetime | None = None
    host: str | None = None
    component: str | None = None
    process_id: str | None = None
    severity: str | None = None
    severity_text: str | None = None
    attributes: Mapping[str, object] | None = field(default=None, hash=False)
