"""Records in Arrow IPC files, one a partition, with their offsets, times and headers as they were.

What two versions of hubbub tell each other in a replay: no version needs to read another's broker file. The files are
memory-mapped, so a history larger than memory can pass.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from infra.broker import Offset, TopicPartition
from pipelines.replay.kept import Kept
from schemas.record import Record

RECORDS: Final = pa.schema(
    [
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("timestamp_us", pa.int64(), nullable=False),
        pa.field("key", pa.binary()),
        pa.field("value", pa.binary()),
        pa.field("headers", pa.list_(pa.struct([pa.field("name", pa.string()), pa.field("value", pa.binary())]))),
    ]
)
_TOPICS: Final = "topics.json"
_READ_RECORDS: Final = 5000
_READ_BYTES: Final = 8 << 20


def write_topics(broker: Kept, folder: Path, topics: Iterable[str]) -> None:
    """Write whole topics of a broker; those that it does not have are left out."""
    existing = broker.topics()
    for topic in topics:
        for number in range(existing.get(topic, 0)):
            part = TopicPartition(topic, number)
            write_records(broker, folder, part, *broker.bounds(part))


def write_records(
    broker: Kept, folder: Path, part: TopicPartition, start: int, end: int, *, bare: bool = False
) -> None:
    """Write the records of one partition from `start` up to, not including, `end`; `bare` leaves out what they say."""
    folder.mkdir(parents=True, exist_ok=True)
    _remember(broker, folder, part)
    schema = RECORDS.with_metadata({"start": str(start), "end": str(end)})
    with pa.OSFile(str(_file(folder, part)), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for records in _read(broker, part, start, end):
            columns = [
                [record.offset for record in records],
                [record.timestamp_us for record in records],
                [record.key for record in records],
                [None if bare else record.value for record in records],
                [[{"name": name, "value": value} for name, value in record.headers] for record in records],
            ]
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))


class RecordFiles:
    """The records in a folder, read as from a broker."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._url = url
        self._tables: dict[TopicPartition, pa.Table] = {}
        listed = folder / _TOPICS
        self._topics: dict[str, int] = json.loads(listed.read_text(encoding="utf-8")) if listed.exists() else {}

    @property
    def url(self) -> str:
        """How a person names it."""
        return self._url

    def topics(self) -> dict[str, int]:
        """Return the topics of which anything was written, and their partition counts."""
        return dict(self._topics)

    def bounds(self, part: TopicPartition) -> tuple[int, int]:
        """Return what was written: from where to where."""
        metadata = self._table(part).schema.metadata
        return int(metadata[b"start"]), int(metadata[b"end"])

    def read(self, part: TopicPartition, offset: int, *, max_records: int, max_bytes: int) -> list[Record]:
        """Return records from `offset` on, at least one if there is any."""
        table = self._table(part)
        first = self._first(table, "offset", offset)
        found: list[Record] = []
        size = 0
        for row in table.slice(first, max_records).to_pylist():
            headers = tuple((one["name"], one["value"]) for one in row["headers"])
            record = Record(row["offset"], row["timestamp_us"], row["key"], row["value"], headers)
            size += len(record.value or b"") + len(record.key or b"")
            if found and size > max_bytes:
                break
            found.append(record)
        return found

    def offset_at(self, part: TopicPartition, timestamp_us: int) -> int:
        """Return the first offset that arrived at or after this time, the end if there is none."""
        table = self._table(part)
        row = self._first(table, "timestamp_us", timestamp_us)
        return table.column("offset")[row].as_py() if row < table.num_rows else self.bounds(part)[1]

    def committed(self, group: str, part: TopicPartition) -> Offset | None:
        """Return None: nobody reads files in a group."""
        return None

    def close(self) -> None:
        """Forget the files."""
        self._tables.clear()

    def _table(self, part: TopicPartition) -> pa.Table:
        if part not in self._tables:
            path = _file(self._folder, part)
            if path.exists():
                self._tables[part] = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
            else:
                self._tables[part] = RECORDS.with_metadata({"start": "0", "end": "0"}).empty_table()
        return self._tables[part]

    @staticmethod
    def _first(table: pa.Table, column: str, least: int) -> int:
        """Return the first row whose column is at least this; offsets and times never decrease."""
        return int(np.searchsorted(table.column(column).to_numpy(), least, side="left"))


def _file(folder: Path, part: TopicPartition) -> Path:
    return folder / f"{part.topic}.{part.partition}.arrow"


def _remember(broker: Kept, folder: Path, part: TopicPartition) -> None:
    listed = folder / _TOPICS
    topics = json.loads(listed.read_text(encoding="utf-8")) if listed.exists() else {}
    if part.topic not in topics:
        topics[part.topic] = broker.topics()[part.topic]
        listed.write_text(json.dumps(topics), encoding="utf-8")


def _read(broker: Kept, part: TopicPartition, start: int, end: int) -> Iterator[list[Record]]:
    offset = start
    while offset < end:
        records = broker.read(part, offset, max_records=_READ_RECORDS, max_bytes=_READ_BYTES)
        if kept := [record for record in records if record.offset < end]:
            yield kept
        if len(kept) < len(records) or not records:
            return
        offset = records[-1].offset + 1
