"""Forecast failures: how probable it is that a device raises a serious alarm soon, from what it showed lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from models.forecast_model import ForecastAnswers, ForecastModel
from operators.columns import require
from operators.operator import CAUSE
from operators.rounds import rounds
from operators.signal_history import FEATURES, SignalHistory, Standing, in_words
from schemas.answers import INPUT
from schemas.device_forecasts import DEVICE_FORECAST
from schemas.device_signals import SIGNAL
from schemas.microseconds import microseconds
from schemas.topic import TIMESTAMP

EMITTED: Final = pa.schema([*DEVICE_FORECAST, *CAUSE])
AGAIN_US: Final = 900_000_000
"""How long a forecast stands before it is judged again, signals or not."""
MOVED: Final = 0.1
"""A probability that moved by so much is news."""
STAYS: Final = 0.5
"""What is likely stays so until it falls below this share of the limit, or it would come and go with each line."""
MOST_REASONS: Final = 5
_NEVER: Final = -(1 << 63)
_LATEST: Final = 1 << 62
_READS: Final = ("device_id", "event_time", "kinds", "what", "cleared", "input")

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(SignalHistory).decode


@dataclass(frozen=True)
class ForecastFailures:
    """Say how probable it is that an alarm of the model's severity or worse is raised within its horizon.

    Reads rows of `device.signals` (operators/note_signals.py) in event-time order. Emits rows of `device.forecasts`:
    `label` is `likely` from the model's limit on, and until half of it; `score` the calibrated probability; `because`
    the numbers that moved it most (operators/signal_history.py) with their weights in log odds; `words` those that
    raised it, for people.

    A forecast is told when it is the device's first for a horizon; when its label changes, or its probability by 0.1;
    or when a signal comes a quarter of an hour after the last one was. A likely one is judged again every quarter of an
    hour though nothing comes, and told if it changed: quiet is news, too. A signal older than the device's latest
    counts as if it came with it.

    Memory: one row a device, counts of the last two hours in steps of five minutes and at most 16 open alarms and 16
    things in trouble: 300 bytes, some 4 KB at the very most. It is gone two hours after the last signal, and a week
    after the last alarm that was never cleared.
    """

    model: ForecastModel
    name: str = "forecast_failures"
    version: int = 1
    key: str = "device_id"
    emits: bool = True

    @property
    def state_schema(self) -> pa.Schema:
        """One record of the device's signals and of the forecast that stands, and when it is judged again."""
        return pa.schema(
            [
                pa.field("history", pa.binary()),
                pa.field("deadline", TIMESTAMP),
                pa.field("expires_at", TIMESTAMP),
            ]
        )

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Return the columns of a forecast."""
        for column in _READS:
            require(self.name, schema, column, SIGNAL.field(column).type)
        require(self.name, schema, "watermark", TIMESTAMP)
        return EMITTED

    def process(self, states: pa.RecordBatch, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Take in the rows, the k-th of every device together in round k, each after what its device had due."""
        keys = batch.column("device_id").unique().to_pylist()
        work = _Work(self.model, keys, states)
        columns = {name: batch.column(name).to_pylist() for name in _READS}
        times, watermarks = (microseconds(batch.column(name), _NEVER).tolist() for name in ("event_time", "watermark"))
        places = {key: place for place, key in enumerate(keys)}
        device = np.array([places[key] for key in columns["device_id"]], dtype=np.int64)
        for these in rounds(device):
            told = []
            for row in these.tolist():
                work.fire(int(device[row]), watermarks[row])
                history = work.of(int(device[row]), watermarks[row])
                history.event = tuple(columns["input"][row][field.name] for field in INPUT)
                now = history.take(
                    columns["kinds"][row],
                    columns["what"][row],
                    columns["cleared"][row],
                    min(max(times[row], watermarks[row]), _LATEST),
                )
                told.append((int(device[row]), now, row))
            work.judge(told)
        return work.states(self.state_schema), work.rows()

    def fire(self, keys: pa.Array, states: pa.RecordBatch, watermark_us: int) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Judge again the likely forecasts that have stood for a quarter of an hour."""
        work = _Work(self.model, keys.to_pylist(), states)
        for place in range(len(keys)):
            work.fire(place, watermark_us)
        return work.states(self.state_schema), work.rows()


class _Work:
    """The histories of a batch's devices, and the forecasts that are told about them."""

    def __init__(self, model: ForecastModel, keys: Sequence[str], states: pa.RecordBatch) -> None:
        if model.features != FEATURES:
            raise ValueError(
                f"model bundle {model.path}: expected forecasts from {len(FEATURES)} numbers about signals, "
                f"{', '.join(FEATURES[:3])}, ..., got {', '.join(model.features[:3])}, ...: train it anew"
            )
        self._model, self._keys = model, keys
        stored = states.column("history").to_pylist()
        self._histories = [SignalHistory() if one is None else _decode(one) for one in stored]
        self._made: list[dict[str, Any]] = []

    def of(self, place: int, watermark: int) -> SignalHistory:
        """Return a device's history, begun anew when it was over by this watermark."""
        history = self._histories[place]
        if history.counts and watermark >= _expires_at(history):
            history = self._histories[place] = SignalHistory()
        return history

    def fire(self, place: int, watermark: int) -> None:
        """Judge again what is due by this watermark, quarter of an hour by quarter of an hour."""
        history = self._histories[place]
        while (due := _deadline(history)) is not None and due <= watermark:
            self.judge([(place, due, None)])

    def judge(self, told: Sequence[tuple[int, int, int | None]]) -> None:
        """Judge devices at (place, time, the row that caused it); without a row it is a deadline's."""
        values = np.array([self._histories[place].numbers(now) for place, now, _ in told], dtype=np.float32)
        answers = self._model.judge(values)
        for i, (place, now, row) in enumerate(told):
            history, score = self._histories[place], float(answers.score[i])
            last = history.standing
            if last is not None and now - last.at >= self._model.horizon_us:
                last = None
            likely = score >= self._model.limit * (STAYS if last is not None and last.likely else 1.0)
            if row is None and now >= history.expires_at:
                likely = False  # nothing is left that could make it so
            news = last is None or likely != last.likely or abs(score - last.score) >= MOVED
            if news or (row is not None and last is not None and now - last.at >= AGAIN_US):
                history.standing = Standing(now, score, likely)
                self._made.append(self._row((place, now, row), likely, values[i], answers, i))
            elif row is None and last is not None:
                history.standing = Standing(now, last.score, last.likely)

    def states(self, schema: pa.Schema) -> pa.RecordBatch:
        """Return what is remembered."""
        there = [one if one.counts else None for one in self._histories]
        return pa.RecordBatch.from_arrays(
            [
                pa.array([None if one is None else _encode(one) for one in there], pa.binary()),
                _times([None if one is None else _deadline(one) for one in there]),
                _times([None if one is None else _expires_at(one) for one in there]),
            ],
            schema=schema,
        )

    def rows(self) -> pa.RecordBatch:
        """Return the forecasts that were told."""
        return pa.RecordBatch.from_arrays(
            [_column(field, [row[field.name] for row in self._made]) for field in EMITTED], schema=EMITTED
        )

    def _row(
        self, told: tuple[int, int, int | None], likely: bool, values: np.ndarray, answers: ForecastAnswers, i: int
    ) -> dict[str, Any]:
        place, now, row = told
        history, weights = self._histories[place], answers.weights[i]
        order = [int(at) for at in np.argsort(-np.abs(weights), kind="stable")[:MOST_REASONS] if weights[at] != 0.0]
        reasons = [{"what": FEATURES[at], "value": float(values[at]), "weight": float(weights[at])} for at in order]
        raised = [at for at in order if weights[at] > 0 and values[at] > 0]
        forecast = {
            "label": "likely" if likely else "unlikely",
            "score": float(answers.score[i]),
            "horizon_s": self._model.horizon_us / 1e6,
            "because": reasons,
            "words": [in_words(FEATURES[at], float(values[at])) for at in raised],
            "model": self._model.identity,
        }
        names = [field.name for field in INPUT]
        event = None if history.event is None else dict(zip(names, history.event, strict=True))
        return {
            "device_id": self._keys[place],
            "event_time": now,
            "severity": self._model.severity,
            "hubbub": {"input": event, "forecast": forecast},
            "_row": row,
            "_deadline": now if row is None else None,
            "_key": self._keys[place],
        }


def _deadline(history: SignalHistory) -> int | None:
    standing = history.standing
    return standing.at + AGAIN_US if standing is not None and standing.likely else None


def _expires_at(history: SignalHistory) -> int:
    due = _deadline(history)
    return max(history.expires_at, _NEVER if due is None else due + 1)


def _times(values: Sequence[int | None]) -> pa.Array:
    return pa.array(values, pa.int64()).view(TIMESTAMP)


def _column(field: pa.Field, values: Sequence[Any]) -> pa.Array:
    return _times(values) if field.type == TIMESTAMP else pa.array(values, field.type)
