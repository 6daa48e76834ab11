"""Records: a reading that carries a series farther than it has been for long, in one of several respects.

**Respects.** Each is a distance that is small on a usual reading: how far a short mean is from a long one
(`shift`; `rise` and `fall` with a shorter mean and each its own side), how far the reading is below or above the last
few hours (`dip`, `peak`), how far it is from what this hour of the day has had (`season`), how large the noise is
(`noise`).

**Record.** The largest distance so far is kept, a little less of it with each reading; what a reading surpasses it by
is what counts, as a factor. That needs no scale and no shape of the noise: a wild series has high records. After an
event its record stands, so the same again is no news until it has faded.

**Season.** Means by hour of the day, counted from the series' first reading (so no time zone matters). An hour that has
not been seen yet expects whatever comes.

**News.** An event is told once: for `QUIET` readings after one, only what is much farther is a new one.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from models.training.telemetry.week import Moment, Week

Column: TypeAlias = Any
Operations: TypeAlias = Any

RESPECTS = ("shift", "season", "dip", "peak", "noise", "rise", "fall")
FADING = (4_000.0, 20_000.0, 20_000.0, 20_000.0, 20_000.0, 20_000.0, 20_000.0)  # readings until a record is 1/e
# What a record must be surpassed by to count, as a factor; found on labelled series, see `nab_report`.
MARGINS = (1.07, 1.07, 1.06, 1.30, 1.04, 1.25, 1.22)
HORIZONS = (4.0, 8.0, 12.0, 200.0, 1_000.0)  # readings, of the means
NOISE_HORIZON, USUAL_HORIZON = 60.0, 1_000.0
HOURS, HOUR_S, DAY_S = 24, 3_600.0, 86_400.0
DAY_WEIGHT = 0.3  # of the present day in an hour's mean
LEAST_PART = 0.05  # of the usual noise: added to every distance, lest records of nearly nothing be surpassed
FARTHEST_STEP = 30.0  # no record grows by more than this factor at once
FARTHEST = 1e6
LARGEST = 1e300
WARM_UP = 30.0
# How often a record is surpassed, and by how much (less one) on average, before a series has taught it; and how many
# readings, and surpassings, that belief counts for.
FIRST_RATE, RATE_READINGS = 1e-3, 20_000.0
FIRST_EXCESS, EXCESS_EVENTS = 0.2, 20.0
RESPECTS_AT_ONCE = 20.0  # so many times is a probability counted, for several respects are asked about at once
YOUNG = 300.0  # records of a series so young are surpassed twice as often
BOUND = 4.0  # no event teaches more than so many usual excesses
QUIET, MUCH_FARTHER = 80.0, 2.0  # readings after an event, and the factor that is news even then

STATE = {
    "means": len(HORIZONS),
    "noise": 1,  # mean distance from the shortest mean
    "usual": 1,  # mean distance from the short mean, over the long horizon
    "records": len(RESPECTS),
    "hours": HOURS,  # mean by hour of the day
    "hours_seen": 1,  # their set, a bit an hour
    "clock": 1,  # seconds since the first reading, less whole days
    "days": 1,
    "within_hour": 1,  # readings since the hour began
    "surpassings": 1,  # events in which a record was surpassed
    "surpassed_by": 1,  # and by how much, summed
    "since_news": 1,  # readings since an event was told
    "news": 1,  # and how far it was
}


class Records:
    """Judge one reading by its records.

    `count`, `steps` and `interval` are the readings so far, the time passed and the usual time between two, as
    `formulas` has them; `floor` is the least size that counts. `surpassed` is the factor by which the most surprising
    respect surpasses its record and margin (below 1: it does not), `probability` that of as much, `factors` all of
    them, (rows, respects).
    """

    def __init__(
        self,
        ops: Operations,
        value: Column,
        seconds: Column,
        steps: Column,
        interval: Column,
        count: Column,
        floor: Column,
        old: dict[str, Column],
    ) -> None:
        self._ops, self._count, self._old = ops, count, old
        first = count < 1.0
        self._known = count >= WARM_UP
        least = 1.0 / (count + 1.0)
        means, records = ops.where(first, value, old["means"]), old["records"]
        self._recent = ops.part(means, 3, 4)
        off = value - self._recent
        # A monster moves no mean much beyond what records allow.
        bound = FARTHEST_STEP * ops.largest(ops.part(records, 2, 4)) + floor
        bounded = ops.where(self._known, self._recent + ops.maximum(ops.minimum(off, bound), 0.0 - bound), value)
        weights = ops.maximum(steps / (steps + ops.constants((*HORIZONS, USUAL_HORIZON, NOISE_HORIZON))), least)
        moved = means + (bounded - means) * ops.part(weights, 0, 5)
        usual = old["usual"] + (ops.abs(bounded - ops.part(means, 2, 3)) - old["usual"]) * ops.part(weights, 5, 6)
        jitter = ops.abs(bounded - ops.part(means, 0, 1))
        noise = old["noise"] + (jitter - old["noise"]) * ops.part(weights, 6, 7)
        season, hours = self._season(bounded, seconds, interval, first)
        long = ops.part(moved, 4, 5)
        wide = ops.part(moved, 1, 2) - long
        sides = ops.maximum(ops.beside(0.0 - off, off, noise, wide, 0.0 - wide), 0.0)
        margin = LEAST_PART * old["usual"] + floor
        distances = ops.beside(ops.abs(ops.part(moved, 2, 3) - long), ops.abs(bounded - season), sides) + margin
        fading = ops.constants(FADING)
        faded = records * (fading / (fading + steps))
        needed = (faded + floor) * ops.constants(MARGINS)
        self.factors = distances / ops.maximum(needed, distances * (1.0 / FARTHEST))
        self.surpassed = ops.largest(self.factors)
        highest = ops.where(self._known, ops.minimum(distances, FARTHEST_STEP * faded + floor), distances)
        self._set_tail()
        moment = (bounded, season, old["slow"], seconds, interval, hours["clock"], hours["days"], margin, floor)
        self.week = Week(ops, Moment(*moment), old)
        self._dip_and_peak = ops.part(needed, 2, 4) - margin
        self._memory = {
            "means": moved,
            "noise": noise,
            "usual": usual,
            "records": ops.minimum(ops.maximum(faded, highest), LARGEST),
            **hours,
        }

    def _set_tail(self) -> None:
        """Turn the factor into a probability: a generalised Pareto tail whose two numbers the series teaches."""
        ops, old = self._ops, self._old
        events = old["surpassings"]
        taught = (FIRST_RATE * RATE_READINGS + events) / (RATE_READINGS + self._count)
        self.rate = ops.minimum(taught * (RESPECTS_AT_ONCE * (1.0 + YOUNG / (self._count + 1.0))), 0.5)
        self.excess = (FIRST_EXCESS * EXCESS_EVENTS + old["surpassed_by"]) / (EXCESS_EVENTS + events)
        beyond = 1.0 + ops.maximum(self.surpassed - 1.0, 0.0) / (3.0 * self.excess)
        squared = beyond * beyond
        below = ops.minimum(self.surpassed, 1.0)
        self.counts = self._known & (self.surpassed >= 1.0)
        body = 1.0 - (1.0 - self.rate) * (below * below)
        self.probability = ops.where(self.counts, self.rate / (squared * squared), body)

    def bounds(self, alarm: Column) -> tuple[Column, Column]:
        """Return the values below and above which a reading's own distance would be less probable than `alarm`."""
        ops = self._ops
        factor = 1.0 + 3.0 * self.excess * ops.maximum(ops.sqrt(ops.sqrt(self.rate / alarm)) - 1.0, 0.0)
        reach = ops.minimum(self._dip_and_peak * ops.minimum(factor, FARTHEST), LARGEST)
        return self._recent - ops.part(reach, 0, 1), self._recent + ops.part(reach, 1, 2)

    def told(self) -> tuple[Column, dict[str, Column]]:
        """Say whether this reading is news; return the memory after it."""
        ops, old = self._ops, self._old
        quiet = old["since_news"] < QUIET
        farther = self.counts & (self.surpassed > MUCH_FARTHER * old["news"])
        is_news = farther | (~quiet & self.counts)
        excess = ops.minimum(self.surpassed - 1.0, BOUND * self.excess)
        return is_news, {
            **self._memory,
            "surpassings": ops.where(is_news, old["surpassings"] + 1.0, old["surpassings"]),
            "surpassed_by": ops.where(is_news, old["surpassed_by"] + excess, old["surpassed_by"]),
            "since_news": ops.where(
                is_news, 0.0, ops.minimum(ops.where(self._count < 1.0, QUIET, old["since_news"]) + 1.0, 1e9)
            ),
            "news": ops.where(is_news, self.surpassed, old["news"]),
        }

    def _season(
        self, value: Column, seconds: Column, interval: Column, first: Column
    ) -> tuple[Column, dict[str, Column]]:
        """Return what this hour expects, the reading itself where it has not been seen; and its memory after it."""
        ops, old = self._ops, self._old
        run = old["clock"] + ops.minimum(seconds, 1e9)
        whole = ops.floor(run / DAY_S)
        clock = run - whole * DAY_S
        hour = ops.minimum(ops.floor(clock / HOUR_S), HOURS - 1.0)
        days = ops.minimum(old["days"] + whole, 1e6)
        same = ops.equal(hour, ops.floor(old["clock"] / HOUR_S)) & (whole < 1.0) & ~first
        within = ops.where(same, old["within_hour"] + 1.0, 0.0)
        here = ops.equal(ops.constants(range(HOURS)), hour)
        bit = ops.largest(ops.where(here, ops.constants([2.0**i for i in range(HOURS)]), 1.0))
        shifted = ops.floor(old["hours_seen"] / bit)
        seen = shifted - 2.0 * ops.floor(shifted * 0.5) > 0.5
        expected = ops.where(seen, ops.largest(ops.where(here, old["hours"], -1e308)), value)
        an_hour = ops.maximum(HOUR_S / ops.maximum(interval, 1e-6), 1.0)
        weight = ops.maximum(1.0 / (within + days * an_hour + 1.0), DAY_WEIGHT / an_hour)
        return expected, {
            "hours": ops.where(here, expected + (value - expected) * weight, old["hours"]),
            "hours_seen": ops.where(seen, old["hours_seen"], old["hours_seen"] + bit),
            "clock": clock,
            "days": days,
            "within_hour": within,
        }
