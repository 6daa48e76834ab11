"""A topic: a named stream of rows with one schema, a key and an event-time column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", tz="UTC")
DEFAULT_PARTITIONS = 8


def column(
    name: str,
    type_: pa.DataType,
    description: str,
    *,
    required: bool = False,
    values: Sequence[str] = (),
    example: str | None = None,
) -> pa.Field:
    """Declare one column of a topic; everything generated from it (JSON Schema, AsyncAPI, docs) says the same.

    `values` closes a string column to these values. A column that is not `required` is null where the event has none.
    """
    metadata = {"description": description}
    if values:
        metadata["values"] = "\n".join(values)
    if example is not None:
        metadata["example"] = example
    return pa.field(name, type_, nullable=not required, metadata=metadata)


DEVICE_ID = column(
    "device_id", pa.string(), "the device that the event is about; the key", required=True, example="d-17"
)
EVENT_TIME = column(
    "event_time", TIMESTAMP, "when it happened, RFC 3339 with zone", required=True, example="2026-03-01T08:30:00Z"
)

ORIGIN = pa.struct([pa.field("topic", pa.string()), pa.field("partition", pa.int32()), pa.field("offset", pa.int64())])

# Columns that every row has beside those of its topic. `watermark` and `late` are added by an engine's reader, for
# they depend on the rows before; the others by the codec.
ENVELOPE: tuple[pa.Field, ...] = (
    pa.field("event_id", pa.string(), nullable=False),
    pa.field("received_at", TIMESTAMP, nullable=False),
    pa.field("origin", ORIGIN, nullable=False),
    pa.field("traceparent", pa.string()),
    pa.field("tracestate", pa.string()),
    pa.field("extra", pa.string()),  # unknown fields of the event as one JSON object; null when there are none
)
PROGRESS: tuple[pa.Field, ...] = (
    pa.field("watermark", TIMESTAMP),  # null until the partition has seen a time
    pa.field("late", pa.bool_(), nullable=False),
)
ERROR = pa.field(
    "_error",
    pa.struct([pa.field("operator", pa.string()), pa.field("code", pa.string()), pa.field("message", pa.string())]),
)


@dataclass(frozen=True)
class Topic:
    """A named stream of rows.

    `schema` holds the event's own columns, as they stand in its JSON. `content` "raw" says that the value is bytes
    as they came (dead letters), and `schema` then is empty. `major` is raised when a change is not additive.
    A compacted topic keeps the last record of each key; `internal` topics are hubbub's own bookkeeping.
    """

    name: str
    schema: pa.Schema
    description: str
    key: str = "device_id"
    event_time: str = "event_time"
    partitions: int = DEFAULT_PARTITIONS
    compacted: bool = False
    internal: bool = False
    content: Literal["json", "raw"] = "json"
    major: int = 1

    def __post_init__(self) -> None:
        """Refuse a declaration whose key or event time is not among its columns."""
        if self.content == "json":
            for role, name in (("key", self.key), ("event time", self.event_time)):
                if name not in self.schema.names:
                    raise ValueError(
                        f"topic {self.name}: the {role} {name!r} is not one of its columns {self.schema.names}"
                    )

    @property
    def dataschema(self) -> str:
        """CloudEvents' `dataschema` of this topic's events."""
        return f"hubbub:{self.name}:{self.major}"

    @property
    def event_type(self) -> str:
        """CloudEvents' `type` of this topic's events."""
        return f"hubbub.{self.name}.v{self.major}"

    @property
    def decoded_schema(self) -> pa.Schema:
        """Columns of a decoded batch: the event's own, then the envelope."""
        return pa.schema([*self.schema, *ENVELOPE])

    @property
    def row_schema(self) -> pa.Schema:
        """Columns that an operator meets: the decoded ones, then `watermark` and `late`."""
        return pa.schema([*self.schema, *ENVELOPE, *PROGRESS])
