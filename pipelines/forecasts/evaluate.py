"""Measure forecasts on rehearsed days: the operator as it is served, beside answers that need no model."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa

from models.forecast_model import ForecastModel
from models.training.forecast.figures import calibration, figures_of, rate_by
from models.training.forecast.rows import ForecastRows, Numbers
from operators.forecast_failures import ForecastFailures
from operators.signal_history import SignalHistory
from pipelines.engines.state_rows import StateRows
from pipelines.forecasts.rehearse import BATCH, Rehearsed
from pipelines.forecasts.samples import lately, moments, signals_by_device

Told = tuple[int, float, bool]  # time, probability, likely


@dataclass(frozen=True)
class Warnings:
    """How serious alarms were warned of: `leads` of those that were, in seconds, and warnings that nothing followed."""

    alarms: int
    leads: tuple[float, ...]
    false: int
    device_days: float

    def as_figures(self) -> dict[str, Any]:
        """Return them for a card."""
        return {
            "alarms": self.alarms,
            "warned": len(self.leads),
            "median_lead_min": round(median(self.leads) / 60, 1) if self.leads else None,
            "false_warnings": self.false,
            "false_warnings_per_device_month": round(30 * self.false / self.device_days, 2),
        }


def forecasts_of(model: ForecastModel, day: Rehearsed) -> dict[str, list[Told]]:
    """Return what the operator tells on a day, by device in order of time."""
    operator = ForecastFailures(model)
    states = StateRows([operator], lambda keys: [None] * len(keys))
    found: dict[str, list[Told]] = {}
    for batch in day.signals.combine_chunks().to_batches(max_chunksize=BATCH):
        # As a merge would give them: a row's watermark is its own time.
        place = batch.schema.get_field_index("watermark")
        with_time = batch.column("event_time")
        rows = (
            batch.append_column("watermark", with_time)
            if place < 0
            else batch.set_column(place, "watermark", with_time)
        )
        keys = rows.column("device_id").unique().to_pylist()
        states.fetch(keys)
        after, told = operator.process(states.batch(operator, keys), rows)
        states.update(operator, keys, after)
        _add(found, told)
    if due := states.due(operator, day.end_us):
        _, told = operator.fire(pa.array(due, pa.string()), states.batch(operator, due), day.end_us)
        _add(found, told)
    return {device: sorted(rows, key=lambda one: one[0]) for device, rows in found.items()}


def _add(found: dict[str, list[Told]], told: pa.RecordBatch) -> None:
    times = told.column("event_time").cast(pa.int64()).to_pylist()
    for device, at, answer in zip(
        told.column("device_id").to_pylist(), times, told.column("hubbub").to_pylist(), strict=True
    ):
        forecast = answer["forecast"]
        found.setdefault(device, []).append((at, forecast["score"], forecast["label"] == "likely"))


def measure(model: ForecastModel, days: Sequence[Rehearsed], train: ForecastRows) -> dict[str, Any]:
    """Return the figures of the model and of the baselines, whose rates are those of `train`, on the same moments."""
    truth: list[bool] = []
    scores: list[float] = []
    flags: list[tuple[bool, bool]] = []
    quiet = float(model.judge(np.array([SignalHistory().numbers(0)], dtype=np.float32)).score[0])
    warnings = []
    for day in days:
        told, signals = forecasts_of(model, day), signals_by_device(day)
        times = {device: [one[0] for one in rows] for device, rows in told.items()}
        for one in moments(day, model.horizon_us):
            last = bisect_right(times.get(one.device, []), one.at_us) - 1
            standing = told[one.device][last] if last >= 0 else None
            fresh = standing is not None and (standing[2] or one.at_us - standing[0] < model.horizon_us)
            scores.append(standing[1] if standing is not None and fresh else quiet)
            truth.append(one.alarm_us is not None)
            flags.append(lately(signals.get(one.device, []), one.at_us))
        warnings.append(_warnings(day, told, model.horizon_us))
    true, score, flag = np.array(truth), np.array(scores), np.array(flags, dtype=bool)
    weight = np.ones(len(true))
    base = float(np.average(train.truth, weights=train.weight))
    limit = model.limit
    by_rate = {
        "alarm_lately": _of_rates(flag[:, 0], rate_by(train.alarm_lately, train.truth, train.weight)),
        "trouble_lately": _of_rates(flag[:, 1], rate_by(train.trouble_lately, train.truth, train.weight)),
    }
    alone = figures_of(true, np.full(len(true), base), weight)
    figures = figures_of(true, score, weight, limit)
    return {
        "days": len(days),
        "moments": len(true),
        "came_true": round(float(true.mean()), 5),
        **figures,
        "brier_skill": round(1 - figures["brier"] / alone["brier"], 4) if alone["brier"] else None,
        "warnings": _all_of(warnings).as_figures(),
        "baselines": {
            "base_rate": {"brier": alone["brier"], "auc": 0.5, "says": round(base, 5)},
            **{name: figures_of(true, one, weight) for name, one in by_rate.items()},
        },
        "calibration": calibration(true, score, weight),
    }


def _of_rates(flag: np.ndarray, rates: tuple[float, float]) -> Numbers:
    return np.where(flag, rates[1], rates[0])


def _warnings(day: Rehearsed, told: dict[str, list[Told]], horizon_us: int) -> Warnings:
    """Return how the alarms of a day were warned of. A warning begins when a device's forecast turns likely."""
    leads, false = [], 0
    raised: dict[str, list[int]] = {}
    for device, at, _ in day.alarms:
        raised.setdefault(device, []).append(at)
    for device, rows in told.items():
        begins = [
            now[0] for before, now in zip([None, *rows], rows, strict=False) if now[2] and not (before and before[2])
        ]
        in_day = [at for at in begins if day.start_us <= at <= day.end_us - horizon_us]
        false += sum(not any(at < one <= at + horizon_us for one in raised.get(device, [])) for at in in_day)
    for device, alarms in raised.items():
        rows = told.get(device, [])
        for alarm in alarms:
            before = [one for one in rows if one[0] < alarm]
            lasting: int | None = None
            for at, _, likely in before:
                lasting = (at if lasting is None else lasting) if likely else None
            if lasting is not None:
                leads.append(min(alarm - lasting, horizon_us) / 1e6)
    days = (day.end_us - day.start_us) / 86_400e6 * len(day.devices)
    return Warnings(sum(len(one) for one in raised.values()), tuple(leads), false, days)


def _all_of(parts: Sequence[Warnings]) -> Warnings:
    return Warnings(
        sum(one.alarms for one in parts),
        tuple(lead for one in parts for lead in one.leads),
        sum(one.false for one in parts),
        sum(one.device_days for one in parts),
    )
