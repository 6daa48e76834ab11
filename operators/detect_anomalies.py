"""Detect anomalies: how odd each reading is for its device and metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.loaded_telemetry import ReadingAnswers
from models.telemetry_model import MONTHLY, READINGS_A_MONTH, TelemetryModel
from operators.columns import require, with_columns, with_fields
from operators.operator import never_fires
from operators.packed_rows import binary_of, bytes_of, lists_of
from operators.rounds import few_or_many
from operators.row_errors import RowError, with_errors
from operators.series_lives import Integers, Lives, Readings, forgotten_before, live
from schemas.answers import ANOMALY
from schemas.identity import identity
from schemas.microseconds import microseconds
from schemas.topic import TIMESTAMP

MOST_METRICS = 256
SILENCE_US = 30 * 86_400 * 1_000_000
LONGEST_NAME = 100
# So many series are judged sooner one by one than together, which costs a run of the model for each of their readings.
FEW_SERIES = 8
_NEVER = np.iinfo(np.int64).min
_LATEST = np.iinfo(np.int64).max - 2 * SILENCE_US
_STATE: Final = pa.schema(
    [
        pa.field("model", pa.string()),  # whose numbers they are
        pa.field("metrics", pa.list_(pa.string())),  # in order of birth
        pa.field("times", pa.binary()),  # int64 microseconds, little-endian
        pa.field("numbers", pa.binary()),  # float64, little-endian, (metrics, model's width)
        pa.field("expires_at", TIMESTAMP),
    ]
)
_READS = (("device_id", pa.string()), ("event_time", TIMESTAMP), ("metric", pa.string()), ("value", pa.float64()))
_FIELD = pa.field("anomaly", ANOMALY)


@dataclass(slots=True)
class _Answers:
    """Columns of `ANOMALY`, one entry a row; what was not judged keeps zeros."""

    score: NDArray[np.float64]
    is_anomaly: NDArray[np.bool_]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    kind: NDArray[np.int64]
    gap: NDArray[np.float64]

    def take(self, rows: Integers, judged: ReadingAnswers) -> None:
        """Write down what was answered to some rows."""
        self.score[rows], self.is_anomaly[rows], self.kind[rows] = judged.score, judged.is_anomaly, judged.kind
        self.gap[rows] = judged.gap
        self.low[rows], self.high[rows] = judged.expected_low, judged.expected_high


@dataclass(frozen=True)
class DetectAnomalies:
    """Say of each reading how odd it is for its series, the readings of one metric of one device.

    Reads `device_id`, `metric` (strings), `event_time`, `value` (float64) and `watermark`. Adds `anomaly` (struct):
    `score` in [0, 1], 1 - the probability of a reading at least as odd, so it means the same on every series; 0 for
    the first 30 readings, while the series is not known. It tells an event once: for the next 80 readings it is at
    most 0.6, unless something goes twice as far; what only assumed shapes of noise find odd has at most 0.9.
    `is_anomaly`, whether the probability, by the records of the series or by the shape of its noise, is under
    `alarm_probability` (by default about one false alarm a month of a series read once a minute), for as long as it
    is. `expected_low`, `expected_high`, in the unit of the value: where it would have been no anomaly; null while the
    series is not known. `kind`: `spike`, `level_shift`, `drift`, `stuck`, `season` (odd for the hour of the day, known
    from the second day on, or for the day of the week, from the third week on), `noise` (it swings more than
    usual) or `none`. `model`, the identity of what answered, and behind a `?` the rate of false alarms that was asked
    for where that is another than one a month (`telemetry-level@3.0.0+8a1b2c3d4e5f?false_alarms_per_month=0.1`).

    `gap_s` is how many seconds the series was silent before the reading, where that is a gap: longer than readings that
    come by chance as often would be silent with that same probability (10.7 usual intervals at one false alarm a
    month), once 30 readings are known; else null. A gap is no anomaly of its own, and changes no other answer.

    A null value gives null and is no reading. Infinity and not-a-number are the row error `nan` and touch no memory.
    A reading older than the last of its series, or of the same time, is judged against the present memory and not
    taken in: late and repeated readings do not disturb a series.

    Memory: one row a device, at most 256 metrics (the one unseen for longest, by event time, makes room for one more)
    of 145 numbers, a time and a name each (a name of more than 100 characters stands as its hash): about 1.2 KB a
    metric, 400 KB a device at the very most. It is gone once the watermark is 30 days past the latest reading (or past
    the watermark of that time, for devices whose clock is far behind). Memory that another model wrote counts as none.
    """

    model: TelemetryModel
    alarm_probability: float = MONTHLY
    name: str = "detect_anomalies"
    version: int = 1
    key: str = "device_id"
    emits: bool = False

    def __post_init__(self) -> None:
        """Refuse a rate that is none."""
        if not 0.0 < self.alarm_probability < 1.0:
            raise ValueError(
                f"{self.name}: expected an alarm probability between 0 and 1, got {self.alarm_probability}"
            )

    @property
    def answered_by(self) -> str:
        """What answers carry as their `model`: its identity, and the rate where it is not one a month."""
        if self.alarm_probability == MONTHLY:
            return self.model.identity
        return f"{self.model.identity}?false_alarms_per_month={self.alarm_probability * READINGS_A_MONTH:.9g}"

    @property
    def state_schema(self) -> pa.Schema:
        """What is remembered of a device: its metrics, when each was last read, and the model's numbers about each."""
        return _STATE

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Add `anomaly`."""
        for column, type_ in (*_READS, ("watermark", TIMESTAMP)):
            require(self.name, schema, column, type_)
        return with_fields(self.name, schema, [_FIELD])

    def process(self, states: pa.RecordBatch, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Judge the rows: the k-th reading of every series together, in round k."""
        values = batch.column("value").to_numpy(zero_copy_only=False)
        given = batch.column("value").is_valid().to_numpy(zero_copy_only=False)
        used = np.flatnonzero(given & np.isfinite(values))
        keys = batch.column("device_id").unique()
        device = pc.index_in(batch.column("device_id"), keys).to_numpy(zero_copy_only=False).astype(np.int64)[used]
        time, watermark = (microseconds(batch.column(name), _NEVER)[used] for name in ("event_time", "watermark"))
        memory = _Memory(states, f"{self.model.card.name}@{self.model.card.version}", self.model.state_width)
        names, metric = memory.with_names(batch.column("metric").take(pa.array(used)))
        stamp = np.minimum(np.maximum(time, watermark), _LATEST)
        forgotten = forgotten_before(device, stamp, watermark, memory.until, SILENCE_US)
        lives = live(memory.series, Readings(device, metric, time), forgotten, MOST_METRICS)
        answers = self._judge(memory, lives, values[used], time)
        np.maximum.at(memory.until, device, stamp + SILENCE_US)
        out = with_columns(batch, [_FIELD], [self._column(answers, used, batch.num_rows)])
        errors = {
            int(row): RowError(self.name, "nan", f"column value: expected a finite number, got {values[row]}")
            for row in np.flatnonzero(given & ~np.isfinite(values))
        }
        return memory.stored(self.state_schema, lives, names), with_errors(out, errors)

    fire = never_fires

    def _judge(self, memory: _Memory, lives: Lives, values: NDArray[np.float64], time: Integers) -> _Answers:
        memory.grow(len(lives.device))
        rows = len(values)
        answers = _Answers(
            *(np.zeros(rows), np.zeros(rows, dtype=bool), np.zeros(rows), np.zeros(rows)),
            *(np.zeros(rows, dtype=np.int64), np.zeros(rows)),
        )
        together, alone = few_or_many(lives.of_row, FEW_SERIES)
        for these in together:
            series = lives.of_row[these]
            last, now = memory.last[series], time[these]
            seconds = np.where((last == _NEVER) | (now <= last), 0, now - last) / 1e6
            judged = self.model.step(values[these], seconds, memory.numbers[series], self.alarm_probability)
            answers.take(these, judged)
            newer = now > last
            memory.numbers[series[newer]] = judged.states[newer]
            memory.last[series[newer]] = now[newer]
        for these in alone:
            series = lives.of_row[these[0]]
            now = time[these]
            latest = np.maximum.accumulate(np.concatenate([memory.last[series : series + 1], now]))
            last, newer = latest[:-1], now > latest[:-1]
            seconds = np.where((last == _NEVER) | ~newer, 0, now - last) / 1e6
            judged = self.model.follow(values[these], seconds, newer, memory.numbers[series], self.alarm_probability)
            answers.take(these, judged)
            memory.numbers[series], memory.last[series] = judged.states[0], latest[-1]
        return answers

    def _column(self, answers: _Answers, used: NDArray[np.int64], rows: int) -> pa.StructArray:
        kinds = pa.array(self.model.kinds, pa.string()).take(pa.array(answers.kind))
        unknown = np.isnan(answers.low)
        fields: Sequence[pa.Array] = (
            pa.array(answers.score),
            pa.array(answers.is_anomaly),
            pa.array(answers.low, mask=unknown),
            pa.array(answers.high, mask=unknown),
            kinds,
            pa.repeat(self.answered_by, len(used)).cast(pa.string()),
            pa.array(answers.gap, mask=np.isnan(answers.gap)),
        )
        judged = pa.StructArray.from_arrays(fields, fields=list(ANOMALY))
        if len(used) == rows:
            return judged
        place = np.full(rows, -1, dtype=np.int64)
        place[used] = np.arange(len(used))
        return judged.take(pa.array(place, mask=place < 0))


class _Memory:
    """The state rows of a batch's devices, taken apart: one entry a series."""

    def __init__(self, states: pa.RecordBatch, model: str, width: int) -> None:
        self._model, self._width = model, width
        own = pc.fill_null(pc.equal(states.column("model"), model), False)
        all_own = pc.all(own, min_count=0).as_py()  # then nothing is copied: a series is a kilobyte
        names, times, numbers = (
            states.column(name) if all_own else states.column(name).filter(own)
            for name in ("metrics", "times", "numbers")
        )
        self._names: pa.Array = names.flatten()
        self._device = np.repeat(
            np.flatnonzero(own.to_numpy(zero_copy_only=False)), pc.list_value_length(names).to_numpy()
        )
        self.last = np.frombuffer(bytes_of(times), dtype="<i8").astype(np.int64)
        self.numbers = np.frombuffer(bytes_of(numbers), dtype="<f8").astype(np.float64).reshape(-1, width)
        until = microseconds(states.column("expires_at"), _NEVER)
        self.until = np.where(own.to_numpy(zero_copy_only=False), until, _NEVER)
        self.series = Readings(self._device, np.empty(0, dtype=np.int64), self.last)

    def with_names(self, metrics: pa.Array) -> tuple[pa.Array, Integers]:
        """Number metrics, remembered ones and those of rows alike; return the names and the rows' numbers."""
        if len(metrics) and pc.max(pc.utf8_length(metrics)).as_py() > LONGEST_NAME:
            metrics = pa.array([_short(name) for name in metrics.to_pylist()], pa.string())
        everything = pa.concat_arrays([self._names, metrics]).dictionary_encode()
        numbers = everything.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        self.series = Readings(self._device, numbers[: len(self._names)], self.last)
        return everything.dictionary, numbers[len(self._names) :]

    def grow(self, lives: int) -> None:
        """Make room for the lives that begin in this batch."""
        more = lives - len(self.last)
        if not more:
            return
        self.last = np.concatenate([self.last, np.full(more, _NEVER)])
        self.numbers = np.concatenate([self.numbers, np.zeros((more, self._width))])

    def stored(self, schema: pa.Schema, lives: Lives, names: pa.Array) -> pa.RecordBatch:
        """Return the state rows: by device the series that stay, in order of birth; null for a device without any."""
        order = np.argsort(lives.device, kind="stable")
        order = order[lives.stays[order]]
        rows = len(self.until)
        ends = np.searchsorted(lives.device[order], np.arange(rows + 1))
        in_order = len(order) == len(self.last) and bool((np.diff(order) == 1).all())
        times, numbers = (one if in_order else one[order] for one in (self.last, self.numbers))
        times, numbers = times.astype("<i8", copy=False), numbers.astype("<f8", copy=False)
        absent = np.diff(ends) == 0
        columns = [
            pc.if_else(pa.array(absent), pa.scalar(None, pa.string()), pa.scalar(self._model)),
            lists_of(names.take(pa.array(lives.metric[order])), ends, absent),
            binary_of(times, ends, absent),
            binary_of(numbers, ends, absent),
            pa.array(self.until, pa.int64(), mask=absent).view(TIMESTAMP),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=schema)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else identity("metric", name)
