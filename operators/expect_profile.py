"""Expect a profile: what a meter usually reads at this hour of the week, and whether more is used for nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from operators.columns import require, with_columns, with_fields
from operators.operator import never_fires
from operators.rounds import rounds
from operators.row_errors import RowError, with_errors
from schemas.energy import HOURS, PROFILE
from schemas.microseconds import microseconds
from schemas.topic import TIMESTAMP

HOURS_A_WEEK = 168
SILENCE_US = 60 * 86_400_000_000
KNOWN_AFTER = 3
"""Weeks after which an hour of the week is known."""
MOST_WEEKS = 8.0
SPREADS, SHARE = np.float32(4.0), np.float32(0.05)
_MOST = 1e30  # what float32 can hold, with room
_HOUR_US = 3_600_000_000
_NEVER = np.iinfo(np.int64).min
_LATEST = np.iinfo(np.int64).max - 2 * SILENCE_US
_WORKING, _NIGHT, _WEEKEND = range(3)
_FIELD = pa.field("profile", PROFILE)
_READS = (("device_id", pa.string()), ("event_time", TIMESTAMP), ("metric", pa.string()), ("value", pa.float64()))
Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class ExpectProfile:
    """Say of each reading of a meter what is usual at its hour of the week, learnt as the weeks go by.

    Reads `device_id`, `metric`, `event_time`, `value` (float64) and `watermark`; only rows of `metric` are answered.
    Adds `profile` (struct, in the unit of the value): `expected`, the mean of that hour of the last eight weeks or so;
    `expected_low`, `expected_high`, four mean deviations (of that hour, or of the meter's hours on average if that is
    more) and 5 % around it; all null until the hour was seen in three weeks. `excess`, how far the value lies above
    the range. `kind`: `night` (before `opens` or from `closes` on), `weekend` (Saturday, Sunday) or `working`.
    `is_waste`: at night or on a weekend, and above the range; with `most_idle_share` also above that share of the mean
    of known working hours, for what is always on is usual, too. Hours are those of the zone `utc_offset_min` from UTC;
    summer time is not known: it smears the profile by an hour.

    Each hour counts once, as the mean of its readings, when it is over; one far off counts as the end of the range, so
    waste is not learnt in a week. A null value gives null; infinity and not-a-number are the row error `nan`. A reading
    of an hour that is over is judged and not learnt.

    Memory: one row a device: 168 hours of three numbers, and the hour that runs; 2 KB. It is gone when the watermark
    is 60 days past the latest reading.
    """

    metric: str = "demand"
    opens: int = 6
    closes: int = 22
    utc_offset_min: int = 0
    most_idle_share: float | None = None
    name: str = "expect_profile"
    version: int = 1
    key: str = "device_id"
    emits: bool = False

    def __post_init__(self) -> None:
        """Refuse hours and shares that are none."""
        if not 0 <= self.opens < self.closes <= 24:
            raise ValueError(f"{self.name}: expected hours 0 <= opens < closes <= 24, got {self.opens}, {self.closes}")
        if abs(self.utc_offset_min) > 14 * 60:
            raise ValueError(f"{self.name}: expected an offset of at most 840 minutes, got {self.utc_offset_min}")
        if self.most_idle_share is not None and not 0 < self.most_idle_share < 10:
            raise ValueError(f"{self.name}: expected a share above 0, got {self.most_idle_share}")

    @property
    def state_schema(self) -> pa.Schema:
        """The week (float32, little-endian: mean, deviation and weeks of each hour), and the hour that runs."""
        return pa.schema(
            [
                pa.field("week", pa.binary()),
                pa.field("hour", pa.int64()),
                pa.field("sum", pa.float64()),
                pa.field("count", pa.int64()),
                pa.field("expires_at", TIMESTAMP),
            ]
        )

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Add `profile`."""
        for column, type_ in (*_READS, ("watermark", TIMESTAMP)):
            require(self.name, schema, column, type_)
        return with_fields(self.name, schema, [_FIELD])

    def process(self, states: pa.RecordBatch, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Judge the rows, the k-th of every meter together in round k."""
        values = batch.column("value").to_numpy(zero_copy_only=False)
        own = pc.fill_null(pc.equal(batch.column("metric"), self.metric), False).to_numpy(zero_copy_only=False)
        given = own & batch.column("value").is_valid().to_numpy(zero_copy_only=False)
        used = np.flatnonzero(given & np.isfinite(values))
        keys = batch.column("device_id").unique()
        device = pc.index_in(batch.column("device_id"), keys).to_numpy(zero_copy_only=False).astype(np.int64)[used]
        time, watermark = (microseconds(batch.column(name), _NEVER)[used] for name in ("event_time", "watermark"))
        memory = _Memory(states)
        hour = (np.minimum(time, _LATEST) + self.utc_offset_min * 60_000_000) // _HOUR_US
        answers = np.full((len(used), 4), np.nan)
        numbers = values[used]
        for these in rounds(device):
            row_device = device[these]
            until = memory.until[row_device]
            memory.forget(row_device[(until != _NEVER) & (watermark[these] >= until)])
            memory.begin(row_device, hour[these])
            answers[these] = self._judge(memory, row_device, hour[these], numbers[these])
            memory.add(row_device, hour[these], numbers[these])
            until = np.minimum(np.maximum(time[these], watermark[these]), _LATEST) + SILENCE_US
            memory.until[row_device] = np.maximum(memory.until[row_device], until)
        out = with_columns(batch, [_FIELD], [self._column(answers, numbers, hour, used, batch.num_rows)])
        errors = {
            int(row): RowError(self.name, "nan", f"column value: expected a finite number, got {values[row]}")
            for row in np.flatnonzero(given & ~np.isfinite(values))
        }
        return memory.stored(self.state_schema), with_errors(out, errors)

    fire = never_fires

    def _judge(
        self, memory: _Memory, device: Integers, hour: Integers, values: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return (rows, 4): expected, low, high, and 1 where it is waste; not-a-number where nothing is known."""
        place = week_hour(hour)
        mean, around = memory.mean[device, place], memory.around(device, place)
        known = memory.weeks[device, place] >= KNOWN_AFTER
        low, high = mean - around, mean + around
        idle = self._kinds(hour) != _WORKING
        waste = idle & known & (values > high)
        if self.most_idle_share is not None:
            busy = self._kinds(np.arange(HOURS_A_WEEK) + 96) == _WORKING  # hour 96 of 1970 began a Monday
            counts = busy & (memory.weeks[device] >= KNOWN_AFTER)
            total = np.where(counts, memory.mean[device].astype(np.float64), 0.0)
            # Summed in order of the hours, not pairwise: the same on any machine.
            sums = np.cumsum(total, axis=1)[:, -1]
            enough = counts.sum(axis=1)
            usual = np.divide(sums, enough, out=np.full(len(device), np.inf), where=enough > 0)
            waste |= idle & (values > self.most_idle_share * usual)
        found = np.stack([mean, low, high], axis=1).astype(np.float64)
        found[~known] = np.nan
        return np.concatenate([found, waste[:, None].astype(np.float64)], axis=1)

    def _kinds(self, hour: Integers) -> Integers:
        place = week_hour(hour)
        of_day = place % 24
        night = (of_day < self.opens) | (of_day >= self.closes)
        return np.where(place >= 120, _WEEKEND, np.where(night, _NIGHT, _WORKING))

    def _column(
        self, answers: NDArray[np.float64], values: NDArray[np.float64], hour: Integers, used: Integers, rows: int
    ) -> pa.StructArray:
        unknown = np.isnan(answers[:, 0])
        excess = np.maximum(values - answers[:, 2], 0.0)
        known = [pa.array(one, mask=unknown) for one in (*answers[:, :3].T, excess)]
        kinds = pa.array(HOURS, pa.string()).take(pa.array(self._kinds(hour)))
        judged = pa.StructArray.from_arrays([*known, kinds, pa.array(answers[:, 3] == 1.0)], fields=list(PROFILE))
        place = np.full(rows, -1, dtype=np.int64)
        place[used] = np.arange(len(used))
        return judged.take(pa.array(place, mask=place < 0))


def week_hour(hour: Integers) -> Integers:
    """Return the hour of the week, 0 on Monday at midnight, of hours since 1970 (a Thursday).

    >>> week_hour(np.array([0, 96])).tolist()
    [72, 0]
    """
    return (hour + 72) % HOURS_A_WEEK


class _Memory:
    """The state rows of a batch's meters, taken apart."""

    def __init__(self, states: pa.RecordBatch) -> None:
        empty = bytes(12 * HOURS_A_WEEK)  # all zeros: a week of which nothing is known
        weeks = b"".join(one or empty for one in states.column("week").to_pylist())
        table = np.frombuffer(weeks, dtype="<f4").astype(np.float32).reshape(-1, 3, HOURS_A_WEEK)
        self.mean, self.deviation, self.weeks = (table[:, i].copy() for i in range(3))
        self.relative: Floats = np.zeros(len(table), dtype=np.float32)
        self._relate(np.arange(len(table)))
        self.hour: Integers = _numbers(states, "hour", _NEVER)
        self.count: Integers = _numbers(states, "count", 0)
        self.sum = states.column("sum").fill_null(0.0).to_numpy(zero_copy_only=False).copy()
        self.until: Integers = _numbers(states, "expires_at", _NEVER)

    def around(self, device: Integers, place: Integers) -> Floats:
        """Return how far from the mean is usual."""
        mean = np.abs(self.mean[device, place])
        # A few weeks may agree by chance: no hour is steadier than the meter's hours are on average.
        deviation = np.maximum(self.deviation[device, place], self.relative[device] * mean)
        return np.asarray(SPREADS * deviation + SHARE * mean, dtype=np.float32)

    def _relate(self, device: Integers) -> None:
        """Renew the mean deviation of these meters as a share of their mean, over the hours seen twice or more."""
        seen = self.weeks[device] >= 2
        # Summed in order of the hours, not pairwise: the same on any machine.
        sums = [
            np.cumsum(np.where(seen, one[device], 0.0).astype(np.float64), axis=1)[:, -1]
            for one in (self.deviation, np.abs(self.mean))
        ]
        share = np.divide(sums[0], sums[1], out=np.zeros(len(device)), where=sums[1] > 0)
        self.relative[device] = share.astype(np.float32)

    def forget(self, device: Integers) -> None:
        """Begin anew with these meters."""
        for one in (self.mean, self.deviation, self.weeks, self.relative, self.sum, self.count):
            one[device] = 0
        self.hour[device] = _NEVER
        self.until[device] = _NEVER

    def begin(self, device: Integers, hour: Integers) -> None:
        """Learn the hour that ran, of the meters whose reading begins a new one."""
        device, hour = device[hour > self.hour[device]], hour[hour > self.hour[device]]
        over = device[self.count[device] > 0]
        place = week_hour(self.hour[over])
        value = (self.sum[over] / self.count[over]).astype(np.float32)
        mean, weeks, around = self.mean[over, place], self.weeks[over, place], self.around(over, place)
        value = np.where(weeks >= KNOWN_AFTER, np.clip(value, mean - around, mean + around), value)
        rate = np.float32(1.0) / np.minimum(weeks + np.float32(1.0), np.float32(MOST_WEEKS))
        apart = np.where(weeks > 0, np.abs(value - mean), np.float32(0.0))
        self.mean[over, place] = mean + rate * (value - mean)
        self.deviation[over, place] += rate * (apart - self.deviation[over, place])
        self.weeks[over, place] = np.minimum(weeks + np.float32(1.0), np.float32(1000.0))
        self._relate(over)
        self.hour[device], self.sum[device], self.count[device] = hour, 0.0, 0

    def add(self, device: Integers, hour: Integers, values: NDArray[np.float64]) -> None:
        """Take in readings of the hour that runs; those of one that is over are left out."""
        now = hour == self.hour[device]
        self.sum[device[now]] += np.clip(values[now], -_MOST, _MOST)
        self.count[device[now]] += 1

    def stored(self, schema: pa.Schema) -> pa.RecordBatch:
        """Return the state rows; null for a meter without."""
        there = self.hour != _NEVER
        table = np.stack([self.mean, self.deviation, self.weeks], axis=1).astype("<f4")
        columns = [
            pa.array([table[i].tobytes() if there[i] else None for i in range(len(there))], pa.binary()),
            pa.array(self.hour, pa.int64(), mask=~there),
            pa.array(self.sum, pa.float64(), mask=~there),
            pa.array(self.count, pa.int64(), mask=~there),
            pa.array(self.until, pa.int64(), mask=~there).view(TIMESTAMP),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=schema)


def _numbers(states: pa.RecordBatch, name: str, otherwise: int) -> Integers:
    column = states.column(name).view(pa.int64()).fill_null(otherwise)
    return np.array(column.to_numpy(zero_copy_only=False), dtype=np.int64)
