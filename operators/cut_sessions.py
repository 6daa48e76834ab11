"""Cut sessions: events of a device that belong together, by an id in them or by quiet time, scored when they end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import re2

from models.sequence_model import SequenceModel
from operators.columns import require
from operators.operator import CAUSE
from operators.score_sequences import sequence_anomalies
from operators.session_memory import LONGEST_ID, ClosedSession, DeviceSessions
from schemas.device_sessions import SESSION
from schemas.microseconds import microseconds
from schemas.sequence_answers import SEQUENCE_ANOMALY
from schemas.topic import TIMESTAMP

_NEVER = np.iinfo(np.int64).min
_LATEST = np.iinfo(np.int64).max // 2
_Made = tuple[str, int | None, int | None, ClosedSession]  # key, row, deadline, session


@dataclass(frozen=True)
class CutSessions:
    """Gather each device's events into sessions and emit every session when it is over.

    Reads `device_id`, the column `event` (string, by default `template_id`: what happened), `event_time` and
    `watermark`; with `session_pattern` also `session_in` (string, by default `message`): the RE2 pattern's first group
    (else its whole match) is the session's id, and rows without a match belong to none. Without a pattern a device has
    one session at a time. A row whose event is null is not counted. Late rows count like any other, in the order of the
    stream.

    A session ends when an event of it comes more than `quiet_s` of event time after its latest one (and begins the next
    session), or when its device's partition is so far (by the watermark, so by a deadline); when it has `most_events`
    (the next event begins another one); or when its device has `most_sessions` open and one more begins: then the one
    with the oldest latest event ends.

    Emits a row of `device.sessions` for each: times, `events` in order, `cut` (quiet, full, crowded), and `anomaly`
    (see operators/score_sequences.py), null without a `model`. Event ids of more than 200 characters are cut off.

    Memory: one row a device, at most `most_sessions` x `most_events` events, each an index of one to three bytes beside
    the distinct event ids: by default 400 KB and the ids at the very most. It is gone when the last session ends.
    """

    model: SequenceModel | None = None
    quiet_s: float = 60.0
    event: str = "template_id"
    session_pattern: str | None = None
    session_in: str = "message"
    most_events: int = 512
    most_sessions: int = 256
    name: str = "cut_sessions"
    version: int = 1
    key: str = "device_id"
    emits: bool = True

    def __post_init__(self) -> None:
        """Refuse limits that are none, and a pattern that RE2 does not read."""
        if not 0 < self.quiet_s < 10**9:
            raise ValueError(f"{self.name}: expected quiet_s above 0, got {self.quiet_s}")
        if self.most_events < 1 or self.most_sessions < 1:
            raise ValueError(f"{self.name}: expected limits of at least 1, got {self.most_events, self.most_sessions}")
        if self.session_pattern is not None:
            _compiled(self.session_pattern)

    @property
    def state_schema(self) -> pa.Schema:
        """What is remembered of a device: its open sessions, as msgpack, and when the next one is over."""
        return pa.schema([pa.field("sessions", pa.binary()), pa.field("deadline", TIMESTAMP)])

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Return the columns of `device.sessions` and what caused each row."""
        text = (self.event, *([self.session_in] if self.session_pattern is not None else []))
        for column in ("device_id", *text):
            require(self.name, schema, column, pa.string())
        for column in ("event_time", "watermark"):
            require(self.name, schema, column, TIMESTAMP)
        return pa.schema([*SESSION, *CAUSE])

    def process(self, states: pa.RecordBatch, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Take in the rows in order; what is due before a row ends before it."""
        keys = batch.column("device_id").to_pylist()
        memory = dict(zip(dict.fromkeys(keys), self._read(states), strict=True))
        events, sessions = batch.column(self.event).to_pylist(), self._session_ids(batch)
        times, watermarks = (microseconds(batch.column(name), _NEVER).tolist() for name in ("event_time", "watermark"))
        made: list[_Made] = []
        for row, (key, time, watermark) in enumerate(zip(keys, times, watermarks, strict=True)):
            device = memory[key]
            made += [(key, None, one.at, one) for one in device.due(watermark)]
            event, (belongs, session) = events[row], sessions[row]
            if event is None or not belongs:
                continue
            closed = device.take(
                session,
                event[:LONGEST_ID],
                min(time, _LATEST),
                most_events=self.most_events,
                most_sessions=self.most_sessions,
            )
            # What so late a row brought or prolonged may be over by its own watermark: its own doing, no deadline.
            made += [(key, row, None, one) for one in (*closed, *device.due(watermark))]
        return self._stored(list(memory.values())), self._rows(made)

    def fire(self, keys: pa.Array, states: pa.RecordBatch, watermark_us: int) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """End the sessions that are quiet by now."""
        devices = self._read(states)
        made: list[_Made] = []
        for key, device in zip(keys.to_pylist(), devices, strict=True):
            made += [(key, None, one.at, one) for one in device.due(watermark_us)]
        return self._stored(devices), self._rows(made)

    @property
    def _quiet_us(self) -> int:
        return int(self.quiet_s * 1_000_000)

    def _session_ids(self, batch: pa.RecordBatch) -> list[tuple[bool, str | None]]:
        """Return, for each row, whether it belongs to a session, and to which."""
        if self.session_pattern is None:
            return [(True, None)] * batch.num_rows
        texts = batch.column(self.session_in)
        distinct = texts.dictionary_encode()
        pattern = _compiled(self.session_pattern)
        found: list[str | None] = []
        for text in distinct.dictionary.to_pylist():
            match = pattern.search(text)
            named = None if match is None else match.group(1 if pattern.groups else 0)
            found.append(named[:LONGEST_ID] if named else None)
        places = pc.fill_null(distinct.indices, -1).to_pylist()
        return [(place >= 0 and found[place] is not None, found[place] if place >= 0 else None) for place in places]

    def _read(self, states: pa.RecordBatch) -> list[DeviceSessions]:
        return [DeviceSessions.read(data, self._quiet_us) for data in states.column("sessions").to_pylist()]

    def _stored(self, devices: Sequence[DeviceSessions]) -> pa.RecordBatch:
        deadlines = pa.array([one.deadline for one in devices], pa.int64()).view(TIMESTAMP)
        return pa.RecordBatch.from_arrays(
            [pa.array([one.stored() for one in devices], pa.binary()), deadlines], schema=self.state_schema
        )

    def _rows(self, made: Sequence[_Made]) -> pa.RecordBatch:
        sessions = [one for _, _, _, one in made]
        anomaly = (
            pa.nulls(len(made), SEQUENCE_ANOMALY)
            if self.model is None
            else sequence_anomalies(self.model, [one.events for one in sessions])
        )
        columns: dict[str, pa.Array] = {
            "device_id": pa.array([key for key, _, _, _ in made], pa.string()),
            "event_time": _times([one.at for one in sessions]),
            "session": pa.array([one.session for one in sessions], pa.string()),
            "started_at": _times([one.started for one in sessions]),
            "ended_at": _times([one.ended for one in sessions]),
            "cut": pa.array([one.cut for one in sessions], pa.string()),
            "events": pa.array([list(one.events) for one in sessions], pa.list_(pa.string())),
            "anomaly": anomaly,
            "_row": pa.array([row for _, row, _, _ in made], pa.int64()),
            "_deadline": _times([deadline for _, _, deadline, _ in made]),
            "_key": pa.array([key for key, _, _, _ in made], pa.string()),
        }
        schema = pa.schema([*SESSION, *CAUSE])
        return pa.RecordBatch.from_arrays([columns[field.name] for field in schema], schema=schema)


def _times(values: Sequence[int | None]) -> pa.Array:
    return pa.array(values, pa.int64()).view(TIMESTAMP)


def _compiled(pattern: str) -> Any:  # noqa: ANN401 - re2 has no type hints
    try:
        return re2.compile(pattern)
    except re2.error as error:
        raise ValueError(f"expected a pattern of RE2, got {pattern!r}: {error}") from error
