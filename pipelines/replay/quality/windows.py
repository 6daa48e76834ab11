"""Windows of a history: its rows, good and refused, cut by event time and written as tables for the cold suite."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.replay.history import History
from pipelines.replay.survey import MINUTE_US, Survey
from pipelines.seen_event import time_text
from schemas.envelope import read_envelopes
from schemas.expectations import Expectation, column_at, expectations
from schemas.json_codec import Decoded, JsonCodec
from schemas.record import Record
from schemas.topic import EVENT_TIME, Topic

REFUSED: Final = "refused"
WINDOW: Final = "window"
MOST_ROWS: Final = 50_000
_MOST_WINDOWS: Final = 8
_NICE_MINUTES: Final = (1, 5, 10, 30, 60, 120, 180, 360, 720, 1440, 10_080)
_OUTSIDE: Final = 0.005  # of the events at either end may lie far away in time; they make no window of their own
_READ_RECORDS: Final = 5000
_READ_BYTES: Final = 8 << 20
_THERE: Final = "..."
# What others wrote is shown in pages that are not ours: one character for one, and none that is markup.
_PLAIN: Final = str.maketrans({"<": "‹", ">": "›", "&": "＆", "$": "＄", '"': "”", "'": "’", "`": "’"})


@dataclass(frozen=True, slots=True)
class Windows:
    """Closed windows of one width, from the first to the last; what lies outside counts into the nearest."""

    first: int
    last: int
    width_us: int

    def name(self, number: int) -> str:
        """When a window begins."""
        return time_text(number * self.width_us)[:16] + "Z"

    def of(self, times_us: np.ndarray) -> np.ndarray:
        """Return the window's number of each moment."""
        numbers: np.ndarray = np.clip(times_us // self.width_us, self.first, self.last)
        return numbers


def windows_of(survey: Survey) -> Windows | None:
    """Choose windows of a length that a person would choose, at most eight or so; None for a history of nothing."""
    if not survey.by_minute:
        return None
    minutes = sorted(survey.by_minute)
    sums = list(accumulate(survey.by_minute[minute] for minute in minutes))
    first, last = (minutes[int(np.searchsorted(sums, share * sums[-1]))] for share in (_OUTSIDE, 1 - _OUTSIDE))
    wanted = (last - first + 1) / _MOST_WINDOWS
    width = next((one for one in _NICE_MINUTES if one >= wanted), -(-int(wanted) // 1440) * 1440)
    return Windows(first // width, last // width, width * MINUTE_US)


def write_windows(history: History, topics: Mapping[str, Topic], windows: Windows, folder: Path) -> list[str]:
    """Write one Parquet file a topic into `folder`; return notes about what was left out.

    Columns: those that an expectation names, `window`, and `refused` with the codec's sentence where it made no row of
    a record; of such a record the columns hold what could be read.
    """
    tables: dict[str, list[pa.Table]] = defaultdict(list)
    rows: dict[tuple[str, int], int] = defaultdict(int)
    for part, span in history.spans.items():
        topic = topics[part.topic]
        codec = JsonCodec(topic)
        offset = span.compare
        while offset < span.end:
            records = history.broker.read(part, offset, max_records=_READ_RECORDS, max_bytes=_READ_BYTES)
            if not records:
                break
            offset = records[-1].offset + 1
            records = [record for record in records if record.offset < span.end]
            table = _table(topic, part.partition, records, codec.decode(part.topic, part.partition, records), windows)
            kept = _within(table, part.topic, rows)
            tables[part.topic].append(kept)
    folder.mkdir(parents=True, exist_ok=True)
    for name, found in tables.items():
        pq.write_table(pa.concat_tables(found), folder / f"{name}.parquet")
    if any(count > MOST_ROWS for count in rows.values()):
        return [f"data quality: windows with more than {MOST_ROWS:,} rows of a topic are judged by the first of them"]
    return []


def _within(table: pa.Table, topic: str, rows: dict[tuple[str, int], int]) -> pa.Table:
    """Leave out what is beyond MOST_ROWS in its window."""
    numbers = table.column("number").to_numpy()
    keep = np.ones(len(numbers), dtype=bool)
    for number in np.unique(numbers):
        places = np.flatnonzero(numbers == number)
        room = max(0, MOST_ROWS - rows[topic, int(number)])
        keep[places[room:]] = False
        rows[topic, int(number)] += len(places)
    kept = table if keep.all() else table.filter(pa.array(keep))
    return kept.drop_columns(["number"])


def _table(topic: Topic, partition: int, records: Sequence[Record], decoded: Decoded, windows: Windows) -> pa.Table:
    paths = list(dict.fromkeys(path for one in expectations(topic) for path in _read_by(one)))
    bad = [records[index] for index, _ in decoded.refused]
    loose = _loose(topic, partition, bad)
    columns: dict[str, pa.Array] = {}
    for path in paths:
        good = _flat(column_at(decoded.batch, path))
        type_ = pa.float64() if pa.types.is_floating(good.type) or pa.types.is_integer(good.type) else pa.string()
        rest = pa.array([_as(type_, event.get(path)) for event in loose], type_)
        values = pa.concat_arrays([good.cast(type_), rest])
        columns[path] = _plain(values) if pa.types.is_string(type_) else values
    sentences = [f"{refused.reason}: {refused.message}" for _, refused in decoded.refused]
    columns[REFUSED] = pa.array([None] * decoded.batch.num_rows + [_text(one) for one in sentences], pa.string())
    times = decoded.batch.column(EVENT_TIME.name).cast(pa.int64()).to_numpy()
    numbers = windows.of(np.concatenate([times, np.array([one.timestamp_us for one in bad], dtype=np.int64)]))
    columns[WINDOW] = pa.array([windows.name(int(one)) for one in numbers], pa.string())
    columns["number"] = pa.array(numbers)
    return pa.table(columns)


def _read_by(expectation: Expectation) -> list[str]:
    return [expectation.column, *([expectation.only_where[0]] if expectation.only_where else [])]


def _loose(topic: Topic, partition: int, records: Sequence[Record]) -> list[dict[str, object]]:
    """Return what can be read of records that are no rows."""
    found = []
    ids = read_envelopes(topic.name, partition, records).event_ids if records else []
    for record, event_id in zip(records, ids, strict=True):
        try:
            event = orjson.loads(record.value or b"")
        except orjson.JSONDecodeError:
            event = None
        known = event if isinstance(event, dict) else {}
        if known.get(topic.key) is None and record.key is not None:
            known[topic.key] = record.key.decode("utf-8", "replace")
        found.append({**known, "event_id": event_id})
    return found


def _flat(column: pa.Array) -> pa.Array:
    """Return a column of objects or lists as texts that only say that something is there."""
    if not pa.types.is_nested(column.type):
        return column
    return pc.if_else(column.is_valid(), pa.scalar(_THERE), pa.scalar(None, pa.string()))


def _as(type_: pa.DataType, value: object) -> object:
    if pa.types.is_string(type_):
        return _THERE if isinstance(value, dict | list) else value if isinstance(value, str) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _plain(texts: pa.Array) -> pa.Array:
    """Return texts without what a page could take for markup; as long as before."""
    encoded = texts.dictionary_encode()
    return pa.array([_text(one) for one in encoded.dictionary.to_pylist()], pa.string()).take(encoded.indices)


def _text(text: str) -> str:
    return "".join(one if one.isprintable() else "�" for one in text.translate(_PLAIN))
