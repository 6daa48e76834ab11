"""Detect anomalies in what logs count: how odd each number is that came with a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.telemetry_model import MONTHLY, TelemetryModel
from operators.columns import require, with_columns, with_fields
from operators.detect_anomalies import DetectAnomalies
from operators.operator import never_fires
from schemas.answers import LOG_READING, LOG_READINGS
from schemas.device_metrics import METRICS
from schemas.topic import TIMESTAMP

_ADDS: Final = [pa.field("readings", LOG_READINGS), pa.field("odd_reading", LOG_READING)]
_LIKE_A_READING: Final = ("device_id", "event_time", "watermark")


@dataclass(frozen=True)
class DetectLogMetrics:
    """Say of each number that came with a log line how odd it is for its device and name, as DetectAnomalies does.

    Reads `device_id`, `event_time`, `watermark` and `metrics` (map of names to numbers). Adds `readings` (list of
    structs): for each number of the line, in its order, `metric`, `value` and what DetectAnomalies answers to a reading
    of that metric; null for a line without numbers. Adds `odd_reading` (such a struct): of those that are an anomaly,
    the one with the highest score, of equal ones the first; null where none is. A number that is null, infinite or not
    a number is no reading: the line is worth something without it.

    A line without numbers is not looked at, and leaves memory as it is. Memory is that of DetectAnomalies, of its own:
    the metric `load` of a device's lines and the one of its readings in `device.telemetry` are two series.
    """

    model: TelemetryModel
    alarm_probability: float = MONTHLY
    name: str = "detect_log_metrics"
    version: int = 1
    key: str = "device_id"
    emits: bool = False

    def __post_init__(self) -> None:
        """Refuse a rate that is none."""
        self._detect  # noqa: B018 - it checks

    @property
    def _detect(self) -> DetectAnomalies:
        return DetectAnomalies(self.model, self.alarm_probability, name=self.name)

    @property
    def answered_by(self) -> str:
        """What answers carry as their `model`."""
        return self._detect.answered_by

    @property
    def state_schema(self) -> pa.Schema:
        """What is remembered of a device, as by DetectAnomalies."""
        return self._detect.state_schema

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Add `readings` and `odd_reading`."""
        require(self.name, schema, "device_id", pa.string())
        require(self.name, schema, "metrics", METRICS)
        for column in ("event_time", "watermark"):
            require(self.name, schema, column, TIMESTAMP)
        return with_fields(self.name, schema, _ADDS)

    def process(self, states: pa.RecordBatch, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Judge the numbers of all lines as if each were a reading of its own."""
        line, readings = _readings_of(batch)
        if not len(line):
            return states, with_columns(batch, _ADDS, [pa.nulls(batch.num_rows, field.type) for field in _ADDS])
        # Devices none of whose lines has a number keep the memory that they have.
        keys = batch.column("device_id").unique()
        own = pc.index_in(readings.column("device_id").unique(), keys).to_numpy(zero_copy_only=False)
        after, judged = self._detect.process(states.take(pa.array(own)), readings)
        source = np.arange(states.num_rows)
        source[own] = states.num_rows + np.arange(len(own))
        both = pa.Table.from_batches([states, after]).combine_chunks().to_batches()[0]
        anomaly = judged.column("anomaly")
        answers = pa.StructArray.from_arrays(
            [judged.column("metric"), judged.column("value"), *anomaly.flatten()], fields=list(LOG_READING)
        )
        return both.take(pa.array(source)), with_columns(batch, _ADDS, _columns(answers, line, batch.num_rows))

    fire = never_fires


def _readings_of(batch: pa.RecordBatch) -> tuple[NDArray[np.int64], pa.RecordBatch]:
    """Return the finite numbers of all lines as readings, in order, and of each the row of its line."""
    column = batch.column("metrics")
    if column.null_count == len(column):
        return np.empty(0, dtype=np.int64), batch.slice(0, 0)
    # Offsets are places in the map's whole memory, of which a batch that was cut is a part.
    offsets = column.offsets.to_numpy().astype(np.int64)
    lengths = np.where(column.is_valid().to_numpy(zero_copy_only=False), np.diff(offsets), 0)
    line = np.repeat(np.arange(batch.num_rows), lengths)
    if len(line):
        first = offsets[:-1]
        within = np.arange(len(line)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        place = first[line] + within
        numbers = column.items.take(pa.array(place)).to_numpy(zero_copy_only=False)
        finite = np.isfinite(numbers)
        line, place, numbers = line[finite], place[finite], numbers[finite]
    if not len(line):
        return line, batch.slice(0, 0)
    columns = {name: batch.column(name).take(pa.array(line)) for name in _LIKE_A_READING}
    names = column.keys.take(pa.array(place))
    return line, pa.RecordBatch.from_pydict({**columns, "metric": names, "value": pa.array(numbers)})


def _columns(answers: pa.StructArray, line: NDArray[np.int64], rows: int) -> list[pa.Array]:
    ends = np.searchsorted(line, np.arange(rows + 1)).astype(np.int32)
    silent = np.diff(ends) == 0
    offsets = pa.array(ends, mask=np.append(silent, False))
    readings = pa.ListArray.from_arrays(offsets, answers, type=LOG_READINGS)
    is_odd = answers.field("is_anomaly").to_numpy(zero_copy_only=False)
    odd = np.flatnonzero(is_odd)
    place = np.full(rows, -1, dtype=np.int64)
    # From the least to the greatest score, so that the greatest is written last; of equal ones the first.
    score = answers.field("score").to_numpy(zero_copy_only=False)[odd]
    by_score = odd[np.lexsort((-odd, score))]
    place[line[by_score]] = by_score
    return [readings, answers.take(pa.array(place, mask=place < 0))]
