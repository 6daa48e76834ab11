"""Two small pipelines of a user's own, whose right answers an oracle can work out: for tests that kill, cut and merge.

`COUNTS` numbers each device's lines. `SILENCES` emits a row when a device has said nothing for a minute of event time,
and one when it speaks again.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from operators.columns import require, with_columns, with_fields
from operators.operator import CAUSE, never_fires
from pipelines.pipeline import Pipeline
from schemas.device_logs import DEVICE_LOG, DEVICE_LOGS
from schemas.topic import DEVICE_ID, EVENT_TIME, TIMESTAMP, Topic, column

MINUTE_US = 60_000_000
NUMBER = pa.field("number", pa.int64())


@dataclass(frozen=True)
class NumberLines:
    """Adds `number` (int64): how many lines this device had sent up to this one, from 1. A line "boom" fails."""

    name: str = "number_lines"
    version: int = 1
    key: str = "device_id"
    emits: bool = False
    state_schema: pa.Schema = pa.schema([pa.field("lines", pa.int64())])  # noqa: RUF009 - schemas are immutable

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        require(self.name, schema, "device_id", pa.string())
        return with_fields(self.name, schema, [NUMBER])

    def process(self, states: pa.RecordBatch, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        keys = batch.column("device_id").to_pylist()
        counts = dict(zip(dict.fromkeys(keys), states.column("lines").to_pylist(), strict=True))
        numbers = []
        for key in keys:
            counts[key] = (counts[key] or 0) + 1
            numbers.append(counts[key])
        after = pa.RecordBatch.from_arrays([pa.array(list(counts.values()), pa.int64())], schema=self.state_schema)
        return after, with_columns(batch, [NUMBER], [pa.array(numbers, pa.int64())])

    fire = never_fires


SILENCE = pa.schema([DEVICE_ID, EVENT_TIME, column("state", pa.string(), "silent or back", required=True)])


@dataclass(frozen=True)
class ReportSilence:
    """Emits `silent` a minute after a device's highest event time, and `back` when a row of it comes after that."""

    name: str = "report_silence"
    version: int = 1
    key: str = "device_id"
    emits: bool = True
    state_schema: pa.Schema = pa.schema(  # noqa: RUF009
        [pa.field("deadline", TIMESTAMP), pa.field("last", TIMESTAMP), pa.field("silent", pa.bool_())]
    )

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        require(self.name, schema, "event_time", TIMESTAMP)
        return pa.schema([*SILENCE, *CAUSE])

    def process(self, states: pa.RecordBatch, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        keys = batch.column("device_id").to_pylist()
        memory = dict(zip(dict.fromkeys(keys), self._read(states), strict=True))
        times = batch.column("event_time").cast(pa.int64()).to_pylist()
        watermarks = batch.column("watermark").cast(pa.int64()).to_pylist()
        out: list[dict[str, object]] = []
        for row, (key, at, watermark) in enumerate(zip(keys, times, watermarks, strict=True)):
            deadline, last, silent = memory[key]
            if deadline is not None and watermark is not None and deadline <= watermark:
                out.append(self._row(key, deadline, "silent", None, deadline))
                deadline, silent = None, True
            if silent and at > (last or 0):
                out.append(self._row(key, at, "back", row, None))
                silent = False
            last = max(at, last or 0)
            deadline = None if silent else last + MINUTE_US
            if deadline is not None and watermark is not None and deadline <= watermark:
                # A row so late that its minute is over as well: that is the row's doing, and no deadline any more.
                out.append(self._row(key, deadline, "silent", row, None))
                deadline, silent = None, True
            memory[key] = (deadline, last, silent)
        return self._write(list(memory.values())), self._rows(out)

    def fire(self, keys: pa.Array, states: pa.RecordBatch, watermark_us: int) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        out: list[dict[str, object]] = []
        after: list[tuple[int | None, int | None, bool | None]] = []
        for key, (deadline, last, _) in zip(keys.to_pylist(), self._read(states), strict=True):
            assert deadline is not None and deadline <= watermark_us
            out.append(self._row(key, deadline, "silent", None, deadline))
            after.append((None, last, True))
        return self._write(after), self._rows(out)

    def _read(self, states: pa.RecordBatch) -> list[tuple[int | None, int | None, bool | None]]:
        columns = [
            column.cast(pa.int64()).to_pylist() if pa.types.is_timestamp(column.type) else column.to_pylist()
            for column in states.columns
        ]
        return list(zip(*columns, strict=True))

    def _write(self, values: list[tuple[int | None, int | None, bool | None]]) -> pa.RecordBatch:
        deadlines, lasts, silent = zip(*values, strict=True) if values else ((), (), ())
        times = [pa.array(column, pa.int64()).cast(TIMESTAMP) for column in (deadlines, lasts)]
        return pa.RecordBatch.from_arrays([*times, pa.array(silent, pa.bool_())], schema=self.state_schema)

    def _row(self, key: str, at: int, state: str, row: int | None, deadline: int | None) -> dict[str, object]:
        return {"device_id": key, "event_time": at, "state": state, "_row": row, "_deadline": deadline, "_key": key}

    def _rows(self, rows: list[dict[str, object]]) -> pa.RecordBatch:
        schema = pa.schema([*SILENCE, *CAUSE])
        columns = []
        for field in schema:
            values = [row[field.name] for row in rows]
            if pa.types.is_timestamp(field.type):
                columns.append(pa.array(values, pa.int64()).cast(TIMESTAMP))
            else:
                columns.append(pa.array(values, field.type))
        return pa.RecordBatch.from_arrays(columns, schema=schema)


NUMBERED = Topic("test.numbered", pa.schema([*DEVICE_LOG, NUMBER]), "lines with their number")
SILENT = Topic("test.silences", SILENCE, "devices that say nothing")

COUNTS = Pipeline("counts", [DEVICE_LOGS], [NumberLines()], [NUMBERED])
SILENCES = Pipeline("silences", [DEVICE_LOGS], [ReportSilence()], [SILENT])
