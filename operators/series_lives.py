"""Which memory a reading belongs to: series are born, forgotten after a long silence, or make room for others.

A *life* of a series is the time between. Rows of the same device, metric and life share one memory; the same metric
seen again after it was forgotten begins a new life with empty memory. Which life a row belongs to depends on the
order and the times of the rows alone, never on what is computed from them, so it is settled before anything is judged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Readings:
    """Series, or readings of them: device and metric as numbers, and the time of the (last) reading.

    Series in memory are in order of device and birth, readings in order of the stream.
    """

    device: Integers
    metric: Integers
    time: Integers


@dataclass(frozen=True, slots=True)
class Lives:
    """One number a life, in order of birth: the remembered ones first.

    `of_row` is each row's life; `device`, `metric` are each life's; `stays` says which are remembered afterwards.
    """

    of_row: Integers
    device: Integers
    metric: Integers
    stays: NDArray[np.bool_]


def forgotten_before(device: Integers, stamp: Integers, watermark: Integers, until: Integers, silence: int) -> Integers:
    """Return for each row how often its device's memory had run out by then.

    `stamp` is when a row counts as seen, `watermark` what it can know of the time; `until` is by device the moment up
    to which its memory lasts, the least integer when there is none. A row whose watermark has reached the last moment
    plus `silence` finds no memory. A device's stamps count from then on; as they are never below the watermark, the
    highest of all times so far serves for every life.
    """
    never = np.iinfo(np.int64).min
    if not len(device) or watermark.max() < min(
        stamp.min() + silence, until[until != never].min(initial=np.iinfo(np.int64).max)
    ):
        return np.zeros(len(device), dtype=np.int64)
    order = np.argsort(device, kind="stable")
    begins = np.concatenate([[True], device[order][1:] != device[order][:-1]])
    ends_at = stamp[order] + silence
    # The highest end of a device's memory before each row; ranks keep the devices apart in one running maximum.
    before = np.where(begins, until[device[order]], np.roll(ends_at, 1))
    levels, ranks = np.unique(before, return_inverse=True)
    segment = np.cumsum(begins) - 1
    highest = levels[np.maximum.accumulate(ranks + segment * len(levels)) - segment * len(levels)]
    gone = (highest != never) & (watermark[order] >= highest)
    counted = np.cumsum(gone)
    first = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    times = np.empty(len(device), dtype=np.int64)
    times[order] = counted - (counted[first] - gone[first])
    return times


def live(known: Readings, new: Readings, forgotten: Integers, most: int) -> Lives:
    """Number the lives of remembered series and new readings; no device keeps more than `most` of them at once.

    When one more comes, the series of that device that was unseen for longest goes (by event time; of several, the
    first born).
    """
    devices = np.concatenate([known.device, new.device])
    metrics = np.concatenate([known.metric, new.metric])
    life = np.concatenate([np.zeros(len(known.device), dtype=np.int64), forgotten])
    number, first = _numbered(devices, metrics, life)
    last_life = np.zeros(devices.max(initial=-1) + 1, dtype=np.int64)
    np.maximum.at(last_life, devices, life)
    stays = life[first] == last_life[devices[first]]
    crowded = np.unique(devices[first][_counts(devices[first], life[first]) > most])
    if len(crowded):
        evicted: set[tuple[int, int, int]] = set()
        for one in crowded:
            rows = np.flatnonzero(devices == one)
            times = np.concatenate([known.time, new.time])[rows]
            life[rows], gone = _make_room(metrics[rows], times, life[rows], most)
            evicted |= {(int(one), of_metric, of_life) for of_metric, of_life in gone}
        number, first = _numbered(devices, metrics, life)
        stays = np.array(
            [
                (int(d), int(m), int(n)) not in evicted and (d in crowded or n == last_life[d])
                for d, m, n in zip(devices[first], metrics[first], life[first], strict=True)
            ],
            dtype=bool,
        )
    return Lives(number[len(known.device) :], devices[first], metrics[first], stays)


def _numbered(devices: Integers, metrics: Integers, life: Integers) -> tuple[Integers, Integers]:
    """Number distinct (device, life, metric) by first appearance; return each row's number and each one's first row."""
    width = metrics.max(initial=0) + 1
    lives, life_number = np.unique(life, return_inverse=True)
    combined = (devices * len(lives) + life_number) * width + metrics
    _, first, inverse = np.unique(combined, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return place[inverse], first[order]


def _counts(device: Integers, life: Integers) -> Integers:
    """Return for each series how many its device has in the same life."""
    _, inverse, counts = np.unique(np.stack([device, life]), axis=1, return_inverse=True, return_counts=True)
    return counts[inverse.reshape(-1)].astype(np.int64)


def _make_room(
    metrics: Integers, times: Integers, forgotten: Integers, most: int
) -> tuple[Integers, set[tuple[int, int]]]:
    """Go through one device's remembered series and rows in order; return their lives, and which were put out."""
    lives = np.empty(len(metrics), dtype=np.int64)
    living: dict[int, tuple[int, int]] = {}  # metric -> time last seen, life; in order of birth
    gone: set[tuple[int, int]] = set()
    next_life = 0
    at = int(forgotten[0]) if len(forgotten) else 0
    for i, (metric, time, run_out) in enumerate(zip(metrics.tolist(), times.tolist(), forgotten.tolist(), strict=True)):
        if run_out != at:
            gone |= {(one, life) for one, (_, life) in living.items()}
            living.clear()
            at = run_out
        if metric in living:
            seen, life = living[metric]
            living[metric] = (max(seen, time), life)
        else:
            if len(living) >= most:
                oldest = min(living, key=lambda one: living[one][0])
                gone.add((oldest, living.pop(oldest)[1]))
            next_life += 1
            life = next_life
            living[metric] = (time, life)
        lives[i] = life
    return lives, gone
