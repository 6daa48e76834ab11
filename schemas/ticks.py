"""Ticks: how time moves in a partition that nobody writes to."""

from __future__ import annotations

import pyarrow as pa

from schemas.topic import TIMESTAMP, Topic, column

TICK = pa.schema(
    [
        column("stream", pa.string(), "group, topic and partition whose time moves; the key", required=True),
        column("group", pa.string(), "the consumer group that made the observation", required=True),
        column("topic", pa.string(), "the topic found quiet", required=True),
        column("partition", pa.int32(), "its partition", required=True),
        column("offset", pa.int64(), "the end of the partition when it was found quiet", required=True),
        column("event_time", TIMESTAMP, "the new watermark before the row at that offset", required=True),
    ]
)
TICKS = Topic(
    "hubbub.ticks",
    TICK,
    "observations that a partition is quiet, so that deadlines fall due",
    key="stream",
    internal=True,
)
