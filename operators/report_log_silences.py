"""Report silences of logs: a kind of line that a device wrote regularly, and that does not come any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.columns import require
from operators.line_rhythm import SECOND_US, Place, Rhythm
from operators.operator import CAUSE
from schemas.log_silences import BACK, LOG_SILENCE, SILENT
from schemas.topic import TIMESTAMP

MOST_KINDS: Final = 64
FORGOTTEN_AFTER_US: Final = 30 * 86_400 * SECOND_US
_LATEST: Final = np.iinfo(np.int64).max - 2 * FORGOTTEN_AFTER_US
_EMITTED: Final = pa.schema([*LOG_SILENCE, *CAUSE])
_decode = msgspec.msgpack.Decoder(list[Rhythm]).decode
_encode = msgspec.msgpack.Encoder().encode

_INPUT_NAMES: Final = ("event_id", "topic", "partition", "offset")

_Row = dict[str, object]


@dataclass(frozen=True)
class ReportLogSilences:
    """Emit a row when a regular kind of log line stays away, and one when it is back.

    Reads `device_id`, `event_time`, `watermark`, and of `hubbub` the fields `template_id`, `template` and `input` (what
    the pipeline `logs` adds); rows without a template are passed over. Emits rows of `device.log_silences`: `silent`,
    at the event time from which the line is overdue, and `back`, at the time of the line that ends it.

    A kind of line is regular after 12 gaps if they differ from their mean by less than half of it, on average over the
    last 32, and are no longer than a week. It is overdue after three such gaps, or after the mean and six times that
    difference, whichever is later; never before five minutes. It is told by a deadline, so it needs no line of the
    device, only that event time goes on; a late line counts for nothing.

    Memory: one row a device, at most 64 kinds of line (of more, an irregular one goes first, then the one unheard for
    longest), about 250 bytes each. Gone once the watermark is 30 days past the latest line.
    """

    name: str = "report_log_silences"
    version: int = 1
    key: str = "device_id"
    emits: bool = True

    @property
    def state_schema(self) -> pa.Schema:
        """What is remembered of a device: its kinds of line as msgpack, when the next is overdue, and until when."""
        times = [pa.field("deadline", TIMESTAMP), pa.field("expires_at", TIMESTAMP)]
        return pa.schema([pa.field("rhythms", pa.binary()), *times])

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Return the columns of a silence."""
        require(self.name, schema, "device_id", pa.string())
        for name in ("event_time", "watermark"):
            require(self.name, schema, name, TIMESTAMP)
        said = schema.field("hubbub").type if "hubbub" in schema.names else pa.null()
        names = {field.name for field in said} if pa.types.is_struct(said) else set()
        if not {"template", "template_id", "input"} <= names:
            raise ValueError(
                f"operator {self.name}: expected rows of device.logs.enriched, got {', '.join(schema.names)}"
            )
        return _EMITTED

    def process(self, states: pa.RecordBatch, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Go through the rows in order: first what is overdue by a row's watermark, then the row."""
        keys = batch.column("device_id").to_pylist()
        memories = dict(zip(dict.fromkeys(keys), _memories(states), strict=True))
        times, watermarks = (batch.column(name).view(pa.int64()).to_pylist() for name in ("event_time", "watermark"))
        ids, templates, inputs = (
            pc.struct_field(batch.column("hubbub"), name).to_pylist() for name in ("template_id", "template", "input")
        )
        out: list[_Row] = []
        for row, key in enumerate(keys):
            memory, watermark = memories[key], watermarks[row]
            if watermark is not None:
                out += [_told(key, one, due, None, due) for one, due in memory.fire(watermark)]
                memory.forget_by(watermark)
            if ids[row] is None:
                continue
            event = _place(inputs[row])
            heard = memory.rhythm(ids[row], templates[row], times[row], event)
            before = heard.last
            if heard.hear(times[row], event):
                back = {"hubbub": _said(BACK, heard), "last_seen": before}
                out.append(_told(key, heard, times[row], row, None) | back)
            memory.keep(times[row], watermark)
            if watermark is not None:
                # So late a row that its line is overdue by now: the row's own doing, and no deadline any more.
                out += [_told(key, one, due, row, None) for one, due in memory.fire(watermark)]
        return _stored(memories.values(), self.state_schema), _rows(out)

    def fire(self, keys: pa.Array, states: pa.RecordBatch, watermark_us: int) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Tell what is overdue by a watermark."""
        memories = _memories(states)
        out: list[_Row] = []
        for key, memory in zip(keys.to_pylist(), memories, strict=True):
            out += [_told(key, one, due, None, due) for one, due in memory.fire(watermark_us)]
        return _stored(memories, self.state_schema), _rows(out)


class _Memory:
    """The kinds of line of one device, the one unheard for longest first."""

    def __init__(self, rhythms: bytes | None, until: int | None) -> None:
        self._by_id = {one.id: one for one in (_decode(rhythms) if rhythms is not None else [])}
        self.until = until

    def rhythm(self, id_: str, template: str | None, time: int, event: Place) -> Rhythm:
        """Return a kind of line, made room for if it is new."""
        found = self._by_id.pop(id_, None)
        if found is None:
            if len(self._by_id) >= MOST_KINDS:
                kinds = self._by_id.values()
                del self._by_id[next((one.id for one in kinds if not one.is_regular), next(iter(self._by_id)))]
            found = Rhythm(id_, template, time, event)
        found.template = template
        self._by_id[id_] = found
        return found

    def fire(self, watermark: int) -> list[tuple[Rhythm, int]]:
        """Return what is overdue by this watermark, by the time that it was due, and mark it as told."""
        due = [
            (at, one.id, one) for one in self._by_id.values() if (at := one.overdue_at) is not None and at <= watermark
        ]
        for _, _, one in due:
            one.silent = True
        return [(one, at) for at, _, one in sorted(due, key=lambda each: each[:2])]

    def forget_by(self, watermark: int) -> None:
        """Have no memory any more once it has outlived its time."""
        if self.until is not None and watermark >= self.until:
            self._by_id.clear()
            self.until = None

    def keep(self, time: int, watermark: int | None) -> None:
        """Remember for thirty days from a line on."""
        latest = time if watermark is None else max(time, watermark)
        until = min(latest, _LATEST) + FORGOTTEN_AFTER_US
        self.until = until if self.until is None else max(self.until, until)

    def stored(self) -> tuple[bytes | None, int | None, int | None]:
        """Return rhythms, deadline and end."""
        if self.until is None:
            return None, None, None
        dues = [at for one in self._by_id.values() if (at := one.overdue_at) is not None]
        return _encode(list(self._by_id.values())), min(dues, default=None), self.until


def _memories(states: pa.RecordBatch) -> list[_Memory]:
    until = states.column("expires_at").view(pa.int64()).to_pylist()
    return [_Memory(*one) for one in zip(states.column("rhythms").to_pylist(), until, strict=True)]


def _stored(memories: Iterable[_Memory], schema: pa.Schema) -> pa.RecordBatch:
    kept = [memory.stored() for memory in memories]
    rhythms, deadlines, ends = zip(*kept, strict=True) if kept else ((), (), ())
    times = [pa.array(one, pa.int64()).view(TIMESTAMP) for one in (deadlines, ends)]
    return pa.RecordBatch.from_arrays([pa.array(rhythms, pa.binary()), *times], schema=schema)


def _place(event: Mapping[str, Any] | None) -> Place:
    found = event or {}
    return found.get("event_id"), found.get("topic"), found.get("partition"), found.get("offset")


def _said(label: str, one: Rhythm) -> _Row:
    place = one.event or (None, None, None, None)
    return {"input": dict(zip(_INPUT_NAMES, place, strict=True)), "silence": {"label": label}}


def _told(key: str, one: Rhythm, at: int, row: int | None, deadline: int | None) -> _Row:
    return {
        "device_id": key,
        "event_time": at,
        "template_id": one.id,
        "template": one.template,
        "last_seen": one.last,
        "usual_s": one.mean / SECOND_US,
        "hubbub": _said(SILENT, one),
        "_row": row,
        "_deadline": deadline,
        "_key": key,
    }


def _rows(rows: list[_Row]) -> pa.RecordBatch:
    columns = []
    for field in _EMITTED:
        values = [row[field.name] for row in rows]
        stamp = pa.types.is_timestamp(field.type)
        columns.append(pa.array(values, pa.int64()).view(TIMESTAMP) if stamp else pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=_EMITTED)
