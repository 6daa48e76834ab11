"""The week: a day that is not what this day of the week has been, though it is like other days.

**Profile.** Means by day of the week and eighth of the day, counted from the series' first reading (so no time zone
matters), a quarter of each renewed a week. What a reading is off its block's mean is averaged over the last six hours:
an office that opens twenty minutes late is hardly off, one that stays shut is, more by the hour.

**Does it predict better?** The mean error of the week's forecast of a block, beside that of the hours' of the day. Only
where it is clearly less, and ten days' blocks could be compared, the week is asked at all: a series without a week
answers as it would without this file, and so does each series for its first seventeen days.

**How odd.** The farthest excursion of weeks ago is kept as a record that fades by time. One excursion is judged against
the record from before it, and teaches when it is over, by a bounded factor: so a second holiday is told as the first
was. What lasts longer than a day is taken over.

**Explained.** A reading at half the distance from its block that it has from its slow level is what the week expects;
it is no anomaly of another kind.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

Column: TypeAlias = Any
Operations: TypeAlias = Any

DAYS, DAY_S = 7.0, 86_400.0
BLOCKS = 8  # of a day
LATELY_S = 6 * 3_600.0
PAUSE = 2.0  # usual intervals: no reading counts for more, lest the first after a pause be all there is
RENEWED = 0.25  # of a block's mean, a week
BETTER = 0.6  # the week's error must be below that part of the day's
COMPARED = 10.0 * BLOCKS  # blocks before it is asked
FADING_S = 60 * DAY_S  # until a record is half
GROWTH = 1.5  # no excursion raises the record by more
# Of an excursion as far as the record: how probable it is, and by how much the record is surpassed on average.
# A reading is told at the default rate where it surpasses the record by about four fifths.
RATE, EXCESS = 0.004, 0.1
EXPLAINED = 0.5
LARGEST = 1e300
NEARLY_ZERO = 1e-300  # stands for a mean of exactly 0: all zeros is a block that has not been seen

STATE = {
    "week": 7 * BLOCKS,  # mean by block of the week
    "block_expects": 1,  # what the present block's was when it began
    "block_mean": 1,  # of the present block so far
    "block_off_day": 1,  # and of what it is off the hours of the day
    "block_count": 1,  # readings of it
    "week_error": 1,  # mean absolute error of a block's forecast by the week
    "day_error": 1,  # and by the hours of the day
    "compared": 1,  # how many blocks made these
    "lately": 1,  # mean distance from the week's expectation, over LATELY_S, signed
    "week_record": 1,  # the farthest it has been
    "week_peak": 1,  # the farthest of the present excursion beyond the record
    "week_beyond_s": 1,  # and how long that has lasted
    "week_told": 1,  # whether the last reading was odd for the week
}


class Moment(NamedTuple):
    """What `records.py` knows of a reading: its bounded value, and what the hour of the day and the level expect."""

    value: Column
    by_hour: Column
    level: Column
    seconds: Column
    interval: Column
    clock: Column
    days: Column
    margin: Column
    floor: Column


class Week:
    """Judge one reading by the week. `probability` is that of as odd a day, `explained` whether the week expects it."""

    def __init__(self, ops: Operations, now: Moment, old: dict[str, Column]) -> None:
        self._ops, self._now, self._old = ops, now, old
        seen, expects, profile = self._profile()
        off = ops.where(seen, now.value - expects, 0.0)
        counts_s = ops.minimum(now.seconds, now.interval * PAUSE)
        lately = old["lately"] + (off - old["lately"]) * (counts_s / (counts_s + LATELY_S))
        asked = (profile["compared"] >= COMPARED) & (profile["day_error"] * BETTER > profile["week_error"])
        self.explained = asked & seen & (ops.abs(now.value - now.level) * EXPLAINED > ops.abs(off))
        self._memory = {**profile, "lately": lately, **self._excursion(lately, profile["compared"], asked)}

    def _place(self, days: Column, clock: Column) -> Column:
        ops = self._ops
        day = days - DAYS * ops.floor(days / DAYS)
        block = ops.minimum(ops.floor(clock / (DAY_S / BLOCKS)), BLOCKS - 1.0)
        return ops.maximum(ops.minimum(day * BLOCKS + block, DAYS * BLOCKS - 1.0), 0.0)

    def _profile(self) -> tuple[Column, Column, dict[str, Column]]:
        """Return whether this block was seen, what it expects, and the memory of blocks after this reading."""
        ops, now, old = self._ops, self._now, self._old
        before, place = self._place(old["days"], old["clock"]), self._place(now.days, now.clock)
        count = old["block_count"]
        begins = ~ops.equal(place, before) | (now.seconds >= DAY_S) | (count < 1.0)
        ends = begins & (count >= 1.0)
        expected, mean = old["block_expects"], old["block_mean"]
        comparable = ends & ~ops.equal(expected, 0.0)
        # The first weeks count alike.
        rate = ops.maximum(1.0 / (ops.floor(old["days"] / DAYS) + 1.0), RENEWED)
        learnt = ops.where(comparable, expected + (mean - expected) * rate, mean)
        learnt = ops.where(ops.equal(learnt, 0.0), NEARLY_ZERO, learnt)
        week = ops.put(old["week"], before, ops.where(ends, learnt, expected))
        compared = ops.minimum(old["compared"] + 1.0, 1e6)
        weight = ops.maximum(1.0 / compared, 1.0 / (DAYS * BLOCKS))
        errors = {
            name: ops.where(comparable, old[name] + (ops.abs(off) - old[name]) * weight, old[name])
            for name, off in (("week_error", mean - expected), ("day_error", old["block_off_day"]))
        }
        expects = ops.where(begins, ops.at(week, place), expected)
        so_far = ops.where(begins, 1.0, ops.minimum(count + 1.0, 1e9))
        means = {
            name: ops.where(begins, sample, old[name] + (sample - old[name]) / so_far)
            for name, sample in (("block_mean", now.value), ("block_off_day", now.value - now.by_hour))
        }
        return (
            ~ops.equal(expects, 0.0),
            expects,
            {
                "week": week,
                "block_expects": expects,
                **means,
                "block_count": so_far,
                **errors,
                "compared": ops.where(comparable, compared, old["compared"]),
            },
        )

    def _excursion(self, lately: Column, compared: Column, asked: Column) -> dict[str, Column]:
        """Judge how far the series has been off lately; return the memory of records after it."""
        ops, now, old = self._ops, self._now, self._old
        known = compared >= COMPARED
        distance = ops.minimum(ops.abs(lately) + now.margin, LARGEST)
        record = old["week_record"] * (FADING_S / (FADING_S + now.seconds))
        beyond, long = known & (distance > record), old["week_beyond_s"] > DAY_S
        excess = ops.maximum(distance / ops.maximum(record + now.floor, distance * 1e-6) - 1.0, 0.0)
        squared = (1.0 + excess / (3.0 * EXCESS)) * (1.0 + excess / (3.0 * EXCESS))
        self.probability = ops.where(asked & beyond & ~long, RATE / (squared * squared), 1.0)
        over = ops.where(known & ~beyond, ops.minimum(old["week_peak"], record * GROWTH), 0.0)
        taught = ops.where(long, ops.maximum(distance, old["week_peak"]), ops.where(known, over, distance))
        goes_on = beyond & ~long
        return {
            "week_record": ops.maximum(record, taught),
            "week_peak": ops.where(goes_on, ops.maximum(old["week_peak"], distance), 0.0),
            "week_beyond_s": ops.where(goes_on, ops.minimum(old["week_beyond_s"] + now.seconds, 1e9), 0.0),
        }

    def told(self, by_week: Column) -> tuple[Column, dict[str, Column]]:
        """Say whether what the week finds odd is news; return the memory after the reading."""
        return by_week & (self._old["week_told"] < 0.5), {
            **self._memory,
            "week_told": self._ops.where(by_week, 1.0, 0.0),
        }
