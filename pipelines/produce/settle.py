"""Settle what an event leaves open: the zone of its times, its device, the id that it was exported with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import orjson
import pyarrow as pa

from pipelines.produce.row import BadRow, Row
from pipelines.produce.time_zone import NotedZone
from schemas.columns_from_json import kind_of
from schemas.refused import Refused
from schemas.strict_json import DEFAULT_LIMITS, parse_json, parse_within, refuse_lost_integers
from schemas.timestamps import format_timestamp, parse_naive_timestamp, parse_timestamp
from schemas.topic import TIMESTAMP, Topic

_HEX: Final = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Settling:
    """How events of one topic are completed. `device` is for events that name none."""

    topic: Topic
    zone: NotedZone
    device: str | None = None
    _times: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Find the columns that hold times."""
        object.__setattr__(
            self, "_times", tuple(column.name for column in self.topic.schema if column.type == TIMESTAMP)
        )

    def event(self, line: int, event: dict[str, object], original: bytes | None = None) -> Row | BadRow:
        """Return the row of an event (changed in place); `original` is kept where nothing had to be settled."""
        event_id = event.get("event_id")
        changed = original is None
        if is_event_id(event_id):
            del event["event_id"]
            changed = True
        else:
            event_id = None
        if self.device is not None and event.get("device_id") is None and "device_id" in self.topic.schema.names:
            event["device_id"] = self.device
            changed = True
        for name in self._times:
            text = event.get(name)
            if isinstance(text, str) and parse_timestamp(text) is None:
                moment = parse_naive_timestamp(text, self.zone)
                if moment is not None:
                    event[name] = format_timestamp(moment)
                    changed = True
        key = event.get(self.topic.key)
        try:
            if changed and original is not None:  # what is not written again as it came is the codec's to check
                refuse_lost_integers(event, original, None)
            value = orjson.dumps(event) if changed or original is None else original
            return Row(line, key.encode() if isinstance(key, str) else None, value, event_id)  # type: ignore[arg-type]
        except Refused as refusal:
            return BadRow(line, str(refusal))
        except (TypeError, UnicodeEncodeError) as error:
            return BadRow(line, f"expected values that JSON can carry, got one that it cannot: {error}")


def is_event_id(value: object) -> bool:
    """Tell whether a value is an event's id as hubbub writes it: 32 lower-case hex digits."""
    return isinstance(value, str) and len(value) == 32 and set(value) <= _HEX


def typed(column: pa.Field, text: str) -> object:
    """Read a text of a table as the value that its column declares; ValueError says what was expected.

    Times stay texts (their zone is settled later), and so does whatever is declared as text.
    """
    type_ = column.type
    if pa.types.is_string(type_) or type_ == TIMESTAMP:
        return text
    if pa.types.is_floating(type_):
        return _number(column.name, text)
    if pa.types.is_integer(type_):
        if not (text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() and len(text) < 21):
            raise ValueError(f"expected an integer in {column.name}, got {text[:40]!a}")
        return int(text)
    if pa.types.is_boolean(type_):
        if text.lower() not in ("true", "false", "1", "0"):
            raise ValueError(f"expected true or false in {column.name}, got {text[:40]!a}")
        return text.lower() in ("true", "1")
    try:  # nested columns are written as JSON in a table's cell
        return parse_json(text.encode())
    except Refused as refusal:
        raise ValueError(f"{column.name}: {refusal}") from None


def _number(name: str, text: str) -> float:
    try:
        number = float(text) if text.isascii() and "_" not in text else float("nan")
    except ValueError:
        number = float("nan")
    if number - number != 0:  # NaN and the infinities are no numbers in JSON
        raise ValueError(f"expected a number in {name}, got {text[:40]!a}")
    return number


def object_of(line: int, value: bytes) -> dict[str, object] | BadRow:
    """Read one line of JSON, which must be an object."""
    try:
        event = parse_within(value, DEFAULT_LIMITS)
    except Refused as refusal:
        return BadRow(line, str(refusal))
    if not isinstance(event, dict):
        return BadRow(line, f"expected a JSON object, got {kind_of(event)}")
    return event
