"""Samples of a rehearsed day: every five minutes the numbers of each device, and whether a serious alarm was near."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from models.training.forecast.rows import ForecastRows
from operators.signal_history import STEP_US, SignalHistory
from pipelines.forecasts.rehearse import Rehearsed


@dataclass(frozen=True)
class Moment:
    """One device at one time of a day: what a sample is of."""

    device: str
    at_us: int
    alarm_us: int | None  # the next serious alarm within the horizon


def moments(day: Rehearsed, horizon_us: int) -> list[Moment]:
    """Return every device every five minutes, as long as the day tells what came within the horizon."""
    raised: dict[str, list[int]] = {}
    for device, at, _ in sorted(day.alarms, key=lambda one: one[1]):
        raised.setdefault(device, []).append(at)
    found = []
    for device in day.devices:
        alarms = raised.get(device, [])
        for at in range(day.start_us + STEP_US, day.end_us - horizon_us + 1, STEP_US):
            next_one = bisect_right(alarms, at)
            near = next_one < len(alarms) and alarms[next_one] - at <= horizon_us
            found.append(Moment(device, at, alarms[next_one] if near else None))
    return found


def samples(day: Rehearsed, horizon_us: int) -> ForecastRows:
    """Return the moments of a day as rows to learn from; those of devices that show nothing come as one or two."""
    signals = signals_by_device(day)
    rows: list[list[float]] = []
    flags: list[tuple[bool, bool, bool]] = []
    quiet = [0, 0]
    device, history, taken = "", SignalHistory(), 0
    for one in moments(day, horizon_us):
        if one.device != device:
            device, history, taken = one.device, SignalHistory(), 0
        own, truth = signals.get(device, []), one.alarm_us is not None
        while taken < len(own) and own[taken][0] <= one.at_us:
            history.take(*own[taken][1:], own[taken][0])
            taken += 1
        if not history.counts or one.at_us >= history.expires_at:
            quiet[truth] += 1
            continue
        rows.append(history.numbers(one.at_us))
        flags.append((truth, *lately(own, one.at_us)))
    there = [bool(truth) for truth in (0, 1) if quiet[truth]]
    rows += [SignalHistory().numbers(0)] * len(there)
    flags += [(truth, False, False) for truth in there]
    weight = np.ones(len(rows))
    weight[len(rows) - len(there) :] = [quiet[truth] for truth in there]
    of = np.array(flags, dtype=bool)
    return ForecastRows(np.array(rows, dtype=np.float32), of[:, 0], weight, of[:, 1], of[:, 2])


HOUR_US: Final = 3_600_000_000
_BAD: Final = frozenset(("anomaly", "abnormal_line", "error_line", "major_alarm"))
Signal = tuple[int, list[str], str | None, bool]


def signals_by_device(day: Rehearsed) -> dict[str, list[Signal]]:
    """Return each device's signals in order: time, kinds, what, cleared."""
    table = day.signals
    times = table.column("event_time").cast(pa.int64()).to_pylist()
    rest = (table.column(name).to_pylist() for name in ("device_id", "kinds", "what", "cleared"))
    found: dict[str, list[Signal]] = {}
    for at, device, kinds, what, cleared in zip(times, *rest, strict=True):
        found.setdefault(device, []).append((at, kinds, what, cleared))
    return found


def lately(own: Sequence[Signal], now: int) -> tuple[bool, bool]:
    """Tell what needs no model: whether an alarm was raised in the last hour; whether anything bad was seen in it."""
    first = bisect_left(own, now - HOUR_US, key=lambda one: one[0])
    last = bisect_right(own, now, lo=first, key=lambda one: one[0])
    kinds = {kind for one in own[first:last] for kind in one[1]}
    return any(kind.endswith("_alarm") for kind in kinds), not kinds.isdisjoint(_BAD)
