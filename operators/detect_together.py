"""Detect what is odd about a device's metrics read together: levels never met, and metrics that do not go together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.multivariate_model import MultivariateModel
from operators.columns import require, with_columns, with_fields
from operators.operator import never_fires
from operators.rounds import rounds
from operators.row_errors import RowError, with_errors
from schemas.answers import ANOMALY
from schemas.device_metrics import METRICS
from schemas.microseconds import microseconds
from schemas.topic import TIMESTAMP

SILENCE_US = 30 * 86_400 * 1_000_000
_NEVER = np.iinfo(np.int64).min
_LATEST = np.iinfo(np.int64).max - 2 * SILENCE_US
_ADDS = [pa.field("anomaly", ANOMALY), pa.field("contributions", METRICS)]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class DetectTogether:
    """Say of each reading how odd its metrics are together, beside the normal stretch that the model learnt from.

    Reads `device_id`, `event_time`, `metrics` (map of string to float64) and `watermark`. Adds `anomaly` (struct):
    `score` in [0, 1], the share of normal readings that are less odd; `is_anomaly`; `kind`: `relation` (the metrics do
    not go together as they used to), `level` (together, but where they never were) or `none`; `model`, the identity of
    what answered; `expected_low` and `expected_high` are null, for no single metric is expected anywhere. Adds
    `contributions` (map): each metric's share of the oddness, the largest first, shares of 0 left out; null where
    `anomaly` is.

    A metric that a row has not, or has as null, stays where it was; one that the model does not know is not looked at.
    A row with none of the model's metrics gives nulls. Infinity and not-a-number are the row error `nan` and touch no
    memory. A reading that is not newer than the last of its device is judged, but not taken in.

    Memory: one row a device, 8 bytes a metric and a time; gone once the watermark is 30 days past the latest reading.
    Memory that another model wrote counts as none.
    """

    model: MultivariateModel
    name: str = "detect_together"
    version: int = 1
    key: str = "device_id"
    emits: bool = False

    @property
    def state_schema(self) -> pa.Schema:
        """What is remembered of a device: the model's numbers about it, when it was last read, until when it holds."""
        return pa.schema(
            [
                pa.field("model", pa.string()),
                pa.field("numbers", pa.binary()),  # float64, little-endian
                pa.field("last", TIMESTAMP),
                pa.field("expires_at", TIMESTAMP),
            ]
        )

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Add `anomaly` and `contributions`."""
        require(self.name, schema, "device_id", pa.string())
        require(self.name, schema, "metrics", METRICS)
        for column in ("event_time", "watermark"):
            require(self.name, schema, column, TIMESTAMP)
        return with_fields(self.name, schema, _ADDS)

    def process(self, states: pa.RecordBatch, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Judge the rows: the k-th reading of every device together, in round k."""
        values, given, faults = self._readings(batch.column("metrics"))
        used = np.flatnonzero(given)
        keys = batch.column("device_id").unique()
        device = pc.index_in(batch.column("device_id"), keys).to_numpy(zero_copy_only=False).astype(np.int64)
        time, watermark = (
            np.minimum(microseconds(batch.column(name), _NEVER), _LATEST) for name in ("event_time", "watermark")
        )
        memory = self._memory(states)
        answers: list[dict[str, object] | None] = [None] * batch.num_rows
        shares: list[list[tuple[str, float]] | None] = [None] * batch.num_rows
        for place in rounds(device[used]):
            rows = used[place]
            self._judge(rows, device[rows], values, time, watermark, memory, answers, shares)
        columns = [pa.array(answers, ANOMALY), pa.array(shares, METRICS)]
        return memory.stored(self.state_schema, self._own), with_errors(with_columns(batch, _ADDS, columns), faults)

    fire = never_fires

    @property
    def _own(self) -> str:
        return f"{self.model.card.name}@{self.model.card.version}"

    def _readings(self, column: pa.Array) -> tuple[Numbers, NDArray[np.bool_], dict[int, RowError]]:
        """Return (rows, metrics), not-a-number where not read; which rows have a metric of the model; row errors."""
        places = {name: i for i, name in enumerate(self.model.metrics)}
        values = np.full((len(column), len(places)), np.nan)
        faults: dict[int, RowError] = {}
        for row, metrics in enumerate(column.to_pylist()):
            for name, value in metrics or ():
                place = places.get(name)
                if place is None or value is None:
                    continue
                if not np.isfinite(value):
                    faults[row] = RowError(self.name, "nan", "expected finite numbers in metrics, got another one")
                values[row, place] = value
        given = ~np.isnan(values).all(axis=1)
        given[list(faults)] = False
        return values, given, faults

    def _memory(self, states: pa.RecordBatch) -> _Memory:
        own = np.array([one == self._own for one in states.column("model").to_pylist()], dtype=bool)
        numbers = np.zeros((states.num_rows, self.model.state_width))
        for row, data in enumerate(states.column("numbers").to_pylist()):
            if own[row]:
                numbers[row] = np.frombuffer(data, dtype="<f8")
        last, until = (
            np.where(own, microseconds(states.column(name), _NEVER), _NEVER) for name in ("last", "expires_at")
        )
        return _Memory(numbers, last, until)

    def _judge(
        self,
        rows: NDArray[np.int64],
        device: NDArray[np.int64],
        values: Numbers,
        time: NDArray[np.int64],
        watermark: NDArray[np.int64],
        memory: _Memory,
        answers: list[dict[str, object] | None],
        shares: list[list[tuple[str, float]] | None],
    ) -> None:
        forgotten = (memory.until[device] != _NEVER) & (watermark[rows] >= memory.until[device])
        memory.numbers[device[forgotten]] = 0.0
        memory.last[device[forgotten]] = _NEVER
        got = self.model.step(values[rows], memory.numbers[device])
        newer = time[rows] > memory.last[device]
        memory.numbers[device[newer]] = got.states[newer]
        memory.last[device[newer]] = time[rows][newer]
        stamp = np.maximum(time[rows], watermark[rows]) + SILENCE_US
        memory.until[device] = np.where(forgotten, stamp, np.maximum(memory.until[device], stamp))
        metrics, identity = self.model.metrics, self.model.identity
        for place, row in enumerate(rows.tolist()):
            odd = bool(got.is_anomaly[place])
            kind = ("relation" if got.is_residual[place] else "level") if odd else "none"
            answers[row] = {
                "score": float(got.score[place]),
                "is_anomaly": odd,
                "kind": kind,
                "model": identity,
            }
            parts = got.contributions[place]
            order = np.argsort(-parts, kind="stable").tolist()
            shares[row] = [(metrics[i], float(parts[i])) for i in order if parts[i] > 0.0]


@dataclass(slots=True)
class _Memory:
    """One entry a device of the batch."""

    numbers: Numbers
    last: NDArray[np.int64]
    until: NDArray[np.int64]

    def stored(self, schema: pa.Schema, model: str) -> pa.RecordBatch:
        """Return the state rows; null for a device that was never read."""
        present = self.until != _NEVER
        data = self.numbers.astype("<f8")
        columns = [
            pa.array([model if one else None for one in present], pa.string()),
            pa.array([data[i].tobytes() if one else None for i, one in enumerate(present)], pa.binary()),
            pa.array(self.last, pa.int64(), mask=~present).view(TIMESTAMP),
            pa.array(self.until, pa.int64(), mask=~present).view(TIMESTAMP),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=schema)
