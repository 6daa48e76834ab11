"""Silences: for a time, alerts whose labels match are not told to anybody. They change no alert."""

from __future__ import annotations

import pyarrow as pa

from schemas.topic import EVENT_TIME, TIMESTAMP, Topic, column

SILENCE = pa.schema(
    [
        column("id", pa.string(), "names the silence; the key", required=True),
        EVENT_TIME,
        column(
            "matchers",
            pa.list_(pa.string()),
            "conditions on labels that must all hold, in Alertmanager's syntax",
            required=True,
        ),
        column("starts_at", TIMESTAMP, "from when on it holds", required=True),
        column("ends_at", TIMESTAMP, "until when it holds; earlier again once somebody expired it", required=True),
        column("created_by", pa.string(), "who asked for it", required=True),
        column("comment", pa.string(), "why"),
    ]
)
# One partition, for there are few, and each notifier reads all of them.
SILENCES = Topic(
    "alerts.silences",
    SILENCE,
    "what is not to be told for a time; the last record of an id holds",
    key="id",
    partitions=1,
    compacted=True,
)
