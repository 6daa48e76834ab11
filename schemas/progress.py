"""How far somebody who writes in chunks has come: kept in a topic where a broker has no table for it (Kafka)."""

from __future__ import annotations

import pyarrow as pa

from schemas.topic import Topic

PROGRESS_MADE = Topic(
    "hubbub.progress",
    pa.schema([]),
    "how far a file, or whatever is written in chunks, has been written; key: its name, value: the number",
    partitions=1,
    compacted=True,
    internal=True,
    content="raw",
)
