"""The columns of a topic that hubbub has no declaration of, as its last records show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from infra.broker import Broker, TopicPartition
from pipelines.records_in_order import end_of, parts_of
from pipelines.seen_event import see
from schemas.record import Record

LAST_RECORDS: Final = 200
"""So many of each partition are looked at."""
MOST_COLUMNS: Final = 200
_BYTES: Final = 4 << 20
_TYPES: Final = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


@dataclass(slots=True)
class SeenColumn:
    """One column: the JSON types of its values that were seen, and in how many events it was."""

    name: str
    events: int = 0
    types: set[str] = field(default_factory=set)


@dataclass(slots=True)
class SeenColumns:
    """What the last records show: how many there were, how many of them JSON objects, and the columns of these."""

    records: int = 0
    events: int = 0
    columns: dict[str, SeenColumn] = field(default_factory=dict)

    def add(self, events: Iterable[Mapping[str, Any] | None]) -> None:
        """Count events; None stands for a record that is no JSON object."""
        for event in events:
            self.records += 1
            if event is None:
                continue
            self.events += 1
            for name, value in event.items():
                if name not in self.columns and len(self.columns) >= MOST_COLUMNS:
                    continue
                column = self.columns.setdefault(name, SeenColumn(name))
                column.events += 1
                column.types.add(_TYPES.get(type(value), "null"))

    def json_schema(self, topic: str) -> dict[str, Any]:
        """Return what was seen as a JSON Schema: what was in every event is required."""
        return {
            "title": topic,
            "description": f"as seen in {self.events} of the last {self.records} records; nothing declares it",
            "type": "object",
            "properties": {one.name: {"type": sorted(one.types)} for one in self.columns.values()},
            "required": [one.name for one in self.columns.values() if one.events == self.events],
        }


def seen_columns(broker: Broker, topic: str) -> SeenColumns:
    """Look at the last records of each partition, some hundred of each."""
    found = SeenColumns()
    ends = end_of(broker, topic)
    for part in parts_of(broker, topic):
        records = list(_last_records(broker, part, ends[part]))
        found.add(_without_id(one.event) for one in see((part, record) for record in records))
    return found


def _last_records(broker: Broker, part: TopicPartition, end: int) -> Iterable[Record]:
    first, _ = broker.bounds(part)
    at = max(first, end - LAST_RECORDS)
    while at < end:
        records = broker.read(part, at, max_records=LAST_RECORDS, max_bytes=_BYTES)
        if not records:
            return
        yield from (record for record in records if record.offset < end)
        at = records[-1].offset + 1


def _without_id(event: dict[str, object] | None) -> dict[str, object] | None:
    """Leave out the id: whoever looks adds it."""
    return None if event is None else {name: value for name, value in event.items() if name != "event_id"}
