"""Check rows as the topic's codec will read them, before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.produce.row import BadRow, Row
from schemas.envelope import EVENT_ID_HEADER
from schemas.json_codec import JsonCodec
from schemas.record import Append, Record

CHUNK_ROWS = 5000
Item = TypeVar("Item")


class Check(Protocol):
    """Parts rows into those that may be written and those that may not."""

    def __call__(self, rows: Iterable[Row | BadRow]) -> tuple[list[Row], list[BadRow]]:
        """Return the good rows and the bad ones."""
        ...


@dataclass(slots=True)
class Ahead:
    """Counts rows that a job will refuse as `clock`: those dated later than `limit_us`."""

    limit_us: int
    rows: int = 0

    def look_at(self, times: pa.Array) -> None:
        """Count event times of rows that are good otherwise."""
        self.rows += pc.sum(pc.greater(times.cast(pa.int64()), self.limit_us)).as_py() or 0


def check_by(codec: JsonCodec, ahead: Ahead | None = None) -> Check:
    """Return the check of a topic: a row is good when its own consumers will be able to read it."""

    def check(rows: Iterable[Row | BadRow]) -> tuple[list[Row], list[BadRow]]:
        good, bad = check_nothing(rows)
        records = [Record(row.line, 0, row.key, row.value) for row in good]
        decoded = codec.decode(codec.topic.name, 0, records)
        refused = dict(decoded.refused)
        if ahead is not None:
            ahead.look_at(decoded.batch.column(codec.topic.event_time))
        bad += [BadRow(good[index].line, str(refusal)) for index, refusal in refused.items()]
        kept = [row for index, row in enumerate(good) if index not in refused]
        return kept, sorted(bad, key=lambda one: one.line)

    return check


def check_nothing(rows: Iterable[Row | BadRow]) -> tuple[list[Row], list[BadRow]]:
    """Let every row pass that could be read at all: for bytes that are sent untouched."""
    good: list[Row] = []
    bad: list[BadRow] = []
    for row in rows:
        if isinstance(row, Row):
            good.append(row)
        else:
            bad.append(row)
    return good, bad


def chunks(items: Iterable[Item], size: int = CHUNK_ROWS) -> Iterator[list[Item]]:
    """Cut a stream of items into lists."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def append_of(topic: str, row: Row, event_id: str | None) -> Append:
    """Return the record of a row; without an id it gets one from the place where it will lie."""
    headers = () if event_id is None else ((EVENT_ID_HEADER, event_id.encode()),)
    return Append(topic, row.key, row.value, headers)
