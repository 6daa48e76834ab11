"""Rows from lines: JSON objects, raw log lines, or bytes that are passed on untouched."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import orjson

from pipelines.produce.numbered_lines import MOST_LINE_BYTES
from pipelines.produce.row import BadRow, Row, Rows
from pipelines.produce.settle import Settling, object_of
from schemas.log_lines import UNKNOWN, LineClock, LineParser, LogLine
from schemas.timestamps import format_timestamp

Lines = Iterable[tuple[int, bytes]]


def read_json_lines(lines: Lines, settling: Settling) -> Rows:
    """Read one JSON object a line; blank lines are passed over."""
    for number, line in lines:
        if not line.strip():
            continue
        event = object_of(number, line)
        yield event if isinstance(event, BadRow) else settling.event(number, event, line)


def read_raw_lines(lines: Lines) -> Rows:
    """Pass each line's bytes on untouched; the key is the `device_id` of a line that happens to be such an object."""
    for number, line in lines:
        if len(line) >= MOST_LINE_BYTES:
            yield BadRow(number, f"expected fewer than {MOST_LINE_BYTES} bytes in a line, got more")
            continue
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError:
            event = None
        device = event.get("device_id") if isinstance(event, dict) else None
        yield Row(number, device.encode() if isinstance(device, str) else None, line)


class LogLineReader:
    """Reads raw log lines into rows of `device.logs`.

    A line that names no host is the device's that `settling.device` names; one that names neither time nor host (a
    stack trace goes on) belongs to the line before. Without any time before it a row has no `event_time`: then the
    time of its arrival counts. Bytes that are no UTF-8 become replacement characters. The counts say how often.
    """

    def __init__(self, settling: Settling, year: int | None) -> None:
        self._settling = settling
        self._parser = LineParser(LineClock(settling.zone, year))
        self._time: datetime | None = None
        self._host: str | None = None
        self.untimed = 0
        self.undecodable = 0

    def rows(self, lines: Lines) -> Rows:
        """Read the next lines; blank ones are passed over."""
        for number, line in lines:
            if not line.strip():
                continue
            text = line.decode("utf-8", "replace")
            self.undecodable += "\ufffd" in text and b"\xef\xbf\xbd" not in line
            said = self._parser.parse(text)
            yield self._settling.event(number, self._event(said))

    def _event(self, said: LogLine) -> dict[str, object]:
        goes_on = said.event_time is None and said.host is None and said.format == UNKNOWN
        host = self._host if goes_on else said.host
        self._time, self._host = said.event_time or self._time, host
        self.untimed += self._time is None
        event = {
            "device_id": host,
            "event_time": None if self._time is None else format_timestamp(self._time),
            "message": said.message,
            "severity": said.severity,
            "severity_text": said.severity_text,
            "component": said.component,
            "process_id": said.process_id,
            "attributes": dict(said.attributes) if said.attributes else None,
        }
        return {name: value for name, value in event.items() if value is not None}
