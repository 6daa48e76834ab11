"""The telemetry detector in formulas: one reading of each series in, one answer and one new state each out.

Written against NumPy's names, so that the same lines compute (with NumPy, for tests) and write the ONNX graph (with
`SymbolicOperations`). Every quantity is a column; state is one column for each name in `STATE`; all zeros is a
series without memory.

**Expectation.** Three forecasters: the last reading, a fast level and a slow level. Each keeps the mean of its recent
absolute errors; their forecasts are averaged with weights error**-4, so that a noisy series follows its level and a
wandering one its last reading. A horizon of N readings moves by steps / (steps + N), where `steps` is the time since
the last reading in usual intervals (the implicit Euler step of an exponential average, free of `exp`).

**Tail.** The residual in units of its usual size, z, is turned into a probability. Below z = 3 the shape is that of
Student's t with 4 degrees of freedom, P(|T| < t) = (3x - x**3) / 2 with x = t / sqrt(4 + t**2). Beyond, it is
rate / (1 + (z - 3) / (3 excess))**4, the generalised Pareto tail of the same index 4, whose two numbers the series
teaches: how often z passes 3 (`rate`) and by how much on average (`excess`). So a series with wild tails alarms no more
often than a calm one, and `score` = 1 - probability means the same everywhere.

**What does not fit.** An outlier moves no level, and moves scales by a bounded step only, so it leaves no mark; six in
a row on one side are no accident but a new level, which is then taken over. The fast level against the slow one,
through the same kind of tail, shows what creeps: drift (or a shift too small for a single reading to tell). A value
repeated exactly for longer than is usual for the series, by the same tail over run lengths, is stuck. A monstrous value
while a series is not known yet would blind it for long; twenty changes in a row a thousand times smaller than the scale
tell, and the series begins anew.

**Records.** `records.py` asks whether the reading, or a mean, or the noise goes farther than it has for long, by the
hour of the day too. The score is mostly its answer, for it is right most often on labelled series; an event that it has
told lowers the score of what follows, while `is_anomaly` holds as long as the oddness does. `week.py` asks whether the
day is what this day of the week has been.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from models.training.telemetry import records, week

# An array of NumPy's, or a symbol of the graph; and the module or object whose functions take them.
Column: TypeAlias = Any
Operations: TypeAlias = Any

_OWN = (
    "readings",  # how many were taken in
    "interval",  # usual seconds between two
    "last",  # the last value
    "run",  # how often it came again in a row
    "usual_run",  # mean of `run` over the long horizon
    "held",  # the last value that was no outlier
    "fast",  # level over FAST readings
    "slow",  # level over SLOW readings
    "held_error",  # mean absolute error of each of these three as a forecast
    "fast_error",
    "slow_error",
    "scale",  # mean absolute residual over NOISE readings
    "long_scale",  # the same over LONG readings
    "jump",  # mean absolute change, over the readings that changed
    "jumps",  # how many did
    "rate",  # share of residuals beyond TAIL_FROM scales
    "excess",  # by how much they are beyond, mean, in scales
    "excesses",  # how many were
    "side",  # consecutive outliers on one side, signed
    "aside",  # their mean
    "stayed",  # share of such runs that became a new level
    "runs",  # how many made that share
    "gap_scale",  # mean absolute distance of fast and slow level
    "gap_rate",  # the tail of that distance, as above
    "gap_excess",
    "gap_excesses",
    "gap_peak",  # the farthest of the present excursion, and its readings: an excursion teaches the tail when it ends,
    "gap_length",  # or a long drift would teach its own being usual
    "apart",  # for how many readings the levels have been unusually far apart
    "gap_kind",  # what the present alarm of the levels was called when it began
    "dull",  # changes in a row far below the scale
)
# Name -> how many numbers; in this order.
STATE = {**dict.fromkeys(_OWN, 1), **records.STATE, **week.STATE}
STATE_WIDTH = sum(STATE.values())
KINDS = ("none", "spike", "level_shift", "drift", "stuck", "season", "noise")
NONE, SPIKE, LEVEL_SHIFT, DRIFT, STUCK, SEASON, NOISE_CHANGE = range(7)
_KIND_OF = {
    "shift": LEVEL_SHIFT,
    "season": SEASON,
    "dip": SPIKE,
    "peak": SPIKE,
    "noise": NOISE_CHANGE,
    "rise": LEVEL_SHIFT,
    "fall": LEVEL_SHIFT,
}

FAST, SLOW, NOISE, LONG, TAIL = 8.0, 240.0, 100.0, 1500.0, 2000.0
WARM_UP, WARM_UP_LEVELS = 30.0, 90.0  # readings before a residual, and the distance of levels, is judged
TAIL_FROM = 3.0
LEAST_RATE = 0.0005
FIRST_RATE, FIRST_EXCESS = (
    0.02,
    0.55,
)  # of a tail that has not been taught: somewhat wilder than the normal distribution
CLIP = 4.0  # no update counts as more than so many usual sizes
OUTLIER = 0.003  # probability under which a reading moves no level
NEW_LEVEL = 6.0  # outliers on one side that make a new level
QUESTIONS = 2.0  # several kinds are asked about at once: so many times is the least of their probabilities counted
LEAST_ASKED = 0.1  # and no less in the score, for on labelled series they are wrong more often than records
NO_NEWS = 0.4  # while an event that was told goes on, nothing counts as less probable
LARGEST = 1e300
FARTHEST = 1e9  # in scales
LONGEST_PAUSE = 100.0  # in usual intervals
DULL, DULL_CHANGE = 20.0, 1e-3  # so many changes in a row, each below that part of a scale, and the scale was wrong


def _student(ops: Operations, t: Column) -> Column:
    """P(|T| < t) of Student's t with 4 degrees of freedom."""
    x = t / ops.sqrt(t * t + 4.0)
    return x * (3.0 - x * x) * 0.5


_STUDENT_AT_TAIL = 0.9600580319282811  # P(|T| < TAIL_FROM)


def _fourth_power(x: Column) -> Column:
    square = x * x
    return square * square


def _probability(ops: Operations, z: Column, rate: Column, excess: Column) -> Column:
    """How probable a distance of z scales or more is, on a series with this tail."""
    body = 1.0 - (1.0 - rate) * (_student(ops, ops.minimum(z, TAIL_FROM)) / _STUDENT_AT_TAIL)
    tail = rate / _fourth_power(1.0 + ops.maximum(z - TAIL_FROM, 0.0) / (3.0 * excess))
    return ops.where(z > TAIL_FROM, tail, body)


def _taught_rate(ops: Operations, learn: Column, rate: Column, beyond: Column) -> Column:
    """Take one reading, or so many `beyond` at once, into the share of those beyond `TAIL_FROM`."""
    some = beyond > 0.0
    moved = ops.where(some, rate + (1.0 - rate) * (beyond / (beyond + TAIL)), rate - rate / TAIL)
    return ops.where(learn, ops.maximum(moved, LEAST_RATE), rate)


def _taught_excess(ops: Operations, z: Column, learn: Column, excess: Column, count: Column) -> tuple[Column, Column]:
    """Take one distance beyond `TAIL_FROM` into the mean excess, and count it."""
    beyond = learn & (z > TAIL_FROM)
    count = ops.where(beyond, ops.minimum(count + 1.0, 60.0), count)
    bounded = ops.minimum(z - TAIL_FROM, CLIP * excess)
    return ops.where(beyond, ops.maximum(excess + (bounded - excess) / (count + 6.0), 0.3), excess), count


class Now:
    """One reading of each series, and what every part of the detector asks about it."""

    def __init__(self, ops: Operations, value: Column, seconds: Column, alarm: Column, old: dict[str, Column]) -> None:
        self.ops, self.old = ops, old
        self.value = ops.minimum(ops.maximum(value, -LARGEST), LARGEST)
        self.alarm = alarm / QUESTIONS
        self.count = old["readings"]
        self.first = self.count < 1.0
        self.ready = self.count >= WARM_UP
        self.settled = self.count >= WARM_UP_LEVELS
        # Time: how many usual intervals have passed.
        usual, unpaced = old["interval"], self.count < 2.0
        self.interval = ops.where(unpaced, seconds, usual + (ops.minimum(seconds, CLIP * usual) - usual) / 50.0)
        self.steps = ops.where(unpaced, 1.0, ops.minimum(seconds / ops.maximum(usual, 1e-6), LONGEST_PAUSE))
        self.least = 1.0 / (self.count + 1.0)  # until a horizon is filled, its mean is that of all readings
        self.floor = ops.abs(old["slow"]) * 1e-9 + 1e-30
        self.again = ops.equal(self.value, old["last"]) & ~self.first
        self.changed = ~self.again & ~self.first
        self.run = ops.where(self.again, old["run"] + 1.0, 0.0)
        # A value that stands still says nothing about noise: scales and tails wait.
        self.alive = (self.run < 4.0) & ~self.first

    def weight(self, horizon: float) -> Column:
        """Return by how much a mean over `horizon` readings moves with this one."""
        return self.ops.maximum(self.steps / (self.steps + horizon), self.least)

    def at_first(self, name: str, value: Column | float) -> Column:
        """Return what is remembered, or `value` on the first reading."""
        return self.ops.where(self.first, value, self.old[name])

    def mean(self, name: str, sample: Column, horizon: float) -> Column:
        """Return a remembered mean after one more sample."""
        old = self.old[name]
        return self.ops.where(self.alive, old + (sample - old) * self.weight(horizon), old)

    def bounded(self, sample: Column, bound: Column, known: Column) -> Column:
        """Return the sample, not above `bound` once the series is known."""
        return self.ops.minimum(sample, self.ops.where(known, bound, LARGEST))


class _Residual:
    """How far a reading is from what was expected, in usual sizes, and how probable that is."""

    def __init__(self, now: Now) -> None:
        ops, old = now.ops, now.old
        errors = [old[name] + now.floor for name in ("held_error", "fast_error", "slow_error")]
        best = ops.minimum(ops.minimum(errors[0], errors[1]), errors[2])
        trust = [_fourth_power(best / error) for error in errors]
        total = trust[0] + trust[1] + trust[2]
        self.levels = [now.at_first(name, now.value) for name in ("held", "fast", "slow")]
        shares = [level * (one / total) for level, one in zip(self.levels, trust, strict=True)]
        self.expected = shares[0] + shares[1] + shares[2]
        self.value = now.value - self.expected
        self.distance = ops.abs(self.value)
        least_jump = old["jump"] * (0.2 * (ops.minimum(old["jumps"], 8.0) / 8.0))
        self.size = ops.maximum(ops.maximum(old["scale"], old["long_scale"] * 0.5), least_jump) + now.floor
        # What was expected after a long pause is known less well.
        self.wide = self.size * ops.sqrt(ops.maximum(now.steps, 1.0))
        self.z = ops.minimum(self.distance / self.wide, FARTHEST)
        self.rate, self.excess = now.at_first("rate", FIRST_RATE), now.at_first("excess", FIRST_EXCESS)
        self.probability = _probability(ops, self.z, self.rate, self.excess)
        in_sizes = TAIL_FROM + 3.0 * self.excess * (ops.sqrt(ops.sqrt(self.rate / now.alarm)) - 1.0)
        self.reach = ops.minimum(self.wide * ops.maximum(in_sizes, 0.0), LARGEST)

    def memory(self, now: Now) -> dict[str, Column]:
        """Return the scales and the tail after this reading."""
        ops, old = now.ops, now.old
        clipped = now.bounded(self.distance, CLIP * self.size, now.ready)
        change = ops.abs(now.value - old["last"])
        jumps = ops.where(now.changed, ops.minimum(old["jumps"] + 1.0, 50.0), old["jumps"])
        taken = now.bounded(change, CLIP * old["jump"], old["jumps"] > 8.0)
        jump = old["jump"] + (taken - old["jump"]) / ops.maximum(jumps, 1.0)
        taught = now.alive & now.ready
        excess, excesses = _taught_excess(ops, self.z, taught, self.excess, old["excesses"])
        dull = ops.where(change < self.size * DULL_CHANGE, old["dull"] + 1.0, 0.0)
        new = {
            "scale": now.mean("scale", clipped, NOISE),
            "long_scale": now.mean("long_scale", clipped, LONG),
            "jump": ops.where(now.changed, jump, old["jump"]),
            "jumps": jumps,
            "rate": _taught_rate(ops, taught, self.rate, ops.where(self.z > TAIL_FROM, 1.0, 0.0)),
            "excess": excess,
            "excesses": excesses,
            "dull": ops.where(now.changed, dull, old["dull"]),
        }
        for name, level in zip(("held_error", "fast_error", "slow_error"), self.levels, strict=True):
            off = now.bounded(ops.abs(now.value - level), CLIP * (old[name] + self.size), now.ready)
            new[name] = now.mean(name, off, NOISE)
        return new


class _Outliers:
    """Readings that move no level, and the new level that many of them on one side make."""

    def __init__(self, now: Now, residual: _Residual) -> None:
        ops, old = now.ops, now.old
        outlier = now.ready & (residual.probability < OUTLIER)
        sign = ops.where(residual.value > 0.0, 1.0, -1.0)
        side = ops.where(outlier, ops.where(old["side"] * sign > 0.0, old["side"] + sign, sign), 0.0)
        length = ops.maximum(ops.abs(side), 1.0)
        moved = old["aside"] + (now.value - old["aside"]) / length
        aside = ops.where(outlier, ops.where(length > 1.5, moved, now.value), 0.0)
        shifted = length >= NEW_LEVEL
        share = now.at_first("stayed", OUTLIER)
        ended = shifted | ((ops.abs(old["side"]) > 0.0) & (length < 1.5))
        runs = ops.where(ended, ops.minimum(old["runs"] + 1.0, 20.0), old["runs"])
        # A new level is as probable as its last reading, times how often an outlier stays on this series.
        self.probability = ops.where(shifted, residual.probability * ops.maximum(share, OUTLIER), 1.0)
        self.alarm = now.alarm > self.probability
        kept = outlier & ~shifted
        held, fast, slow = residual.levels
        self.fast = ops.where(shifted, aside, ops.where(kept, fast, fast + (now.value - fast) * now.weight(FAST)))
        # Shifts that are usual here leave the slow level behind, or a drift in small steps would never show.
        self.slow = ops.where(self.alarm, aside, ops.where(kept, slow, slow + (now.value - slow) * now.weight(SLOW)))
        self.memory = {
            "held": ops.where(shifted, aside, ops.where(kept, held, now.value)),
            "fast": self.fast,
            "slow": self.slow,
            "side": ops.where(shifted, 0.0, side),
            "aside": ops.where(shifted, 0.0, aside),
            "runs": runs,
            "stayed": ops.where(ended, share + (ops.where(shifted, 1.0, 0.0) - share) / (runs + 1.0), share),
        }


class _LevelsApart:
    """The fast level far from the slow one: drift, or a shift too small for one reading to tell."""

    def __init__(self, now: Now, residual: _Residual, levels: _Outliers) -> None:
        ops, old = now.ops, now.old
        distance = ops.abs(levels.fast - levels.slow)
        usual = ops.maximum(old["gap_scale"], residual.size * 0.25) + now.floor
        z = ops.minimum(distance / usual, FARTHEST)
        rate, excess = now.at_first("gap_rate", FIRST_RATE), now.at_first("gap_excess", FIRST_EXCESS)
        self.probability = ops.where(now.settled, _probability(ops, z, rate, excess), 1.0)
        self.alarm = now.alarm > self.probability
        apart = ops.where(z > 1.5, old["apart"] + 1.0, 0.0)
        begun = ops.where(apart > 12.0, float(DRIFT), float(LEVEL_SHIFT))
        self.kind = ops.where(self.alarm, ops.where(old["gap_kind"] > 0.0, old["gap_kind"], begun), 0.0)
        within = now.settled & ~(z > TAIL_FROM)
        beyond = now.settled & ~within
        gap_excess, gap_excesses = _taught_excess(ops, old["gap_peak"], within, excess, old["gap_excesses"])
        self.memory = {
            "gap_scale": now.mean("gap_scale", now.bounded(distance, 2.0 * usual, now.settled), LONG),
            "gap_rate": _taught_rate(ops, now.alive & within, rate, old["gap_length"]),
            "gap_excess": gap_excess,
            "gap_excesses": gap_excesses,
            "gap_peak": ops.where(beyond, ops.maximum(old["gap_peak"], z), 0.0),
            "gap_length": ops.where(beyond, old["gap_length"] + 1.0, 0.0),
            "apart": apart,
            "gap_kind": self.kind,
        }


def advance(
    ops: Operations, value: Column, seconds: Column, alarm: Column, state: dict[str, Column]
) -> tuple[dict[str, Column], Column]:
    """Judge one reading of each series and take it in; return the answers and the new state, (rows, STATE_WIDTH).

    `seconds` have passed since the series' last reading (0 for the first one); `alarm` is the probability under which
    a reading is an anomaly. Answers: `score`, `is_anomaly`, `expected_low`, `expected_high`, `kind` (index into
    `KINDS`). Until `WARM_UP` readings were taken in, the score is 0 and the range is not a number.
    """
    now = Now(ops, value, seconds, alarm, state)
    residual = _Residual(now)
    outliers = _Outliers(now, residual)
    apart = _LevelsApart(now, residual, outliers)

    # Stuck: the same value again, longer than usual.
    usual_run = state["usual_run"]
    stuck = 1.0 / _fourth_power(1.0 + now.run / (3.0 * (usual_run + 1.0)))
    longer = ops.minimum(now.run, CLIP * (usual_run + 1.0)) - usual_run

    least = ops.minimum(ops.minimum(residual.probability, outliers.probability), ops.minimum(apart.probability, stuck))
    is_anomaly = now.ready & (now.alarm > least)
    if_no_shift = ops.where(
        now.alarm > residual.probability, float(SPIKE), ops.where(apart.alarm, apart.kind, float(STUCK))
    )
    kind = ops.where(outliers.alarm, float(LEVEL_SHIFT), if_no_shift)
    # Records: farther than for long. What is odd by the questions above is news only if nothing was told lately.
    record = records.Records(ops, now.value, seconds, now.steps, now.interval, now.count, now.floor, state)
    asked = ops.maximum(ops.minimum(least * QUESTIONS, 1.0), LEAST_ASKED)
    by_record = now.ready & record.counts & (alarm > record.probability)
    is_news, remembered = record.told()
    probability = ops.minimum(asked, ops.where(is_news, record.probability, ops.maximum(record.probability, NO_NEWS)))
    surprising = ops.equal(record.factors, record.surpassed)
    of = ops.largest(ops.where(surprising, ops.constants([float(_KIND_OF[one]) for one in records.RESPECTS]), 0.0))
    kind = ops.where(is_anomaly, kind, of)
    # The week: what it expects is no anomaly; what it alone finds odd is one.
    explained = record.week.explained
    is_anomaly = (is_anomaly | by_record) & ~explained
    probability = ops.where(explained, ops.maximum(probability, NO_NEWS), probability)
    by_week = now.ready & (alarm > record.week.probability)
    is_first, remembered_week = record.week.told(by_week)
    probability = ops.where(is_first, ops.minimum(probability, record.week.probability), probability)
    kind = ops.where(by_week & ~is_anomaly, float(SEASON), kind)
    is_anomaly = is_anomaly | by_week
    low, high = record.bounds(alarm)
    nothing = float("nan")
    answers = {
        "score": ops.where(now.ready, 1.0 - probability, 0.0),
        "is_anomaly": is_anomaly,
        "expected_low": ops.where(
            now.ready, ops.minimum(ops.maximum(residual.expected - residual.reach, low), residual.expected), nothing
        ),
        "expected_high": ops.where(
            now.ready, ops.maximum(ops.minimum(residual.expected + residual.reach, high), residual.expected), nothing
        ),
        "kind": ops.where(is_anomaly, kind, float(NONE)),
    }
    new = {
        "readings": ops.minimum(now.count + 1.0, 1e9),
        "interval": now.interval,
        "last": now.value,
        "run": now.run,
        "usual_run": usual_run + longer * now.weight(LONG),
        **residual.memory(now),
        **outliers.memory,
        **apart.memory,
        **remembered,
        **remembered_week,
    }
    begin_anew = now.ready & (new["dull"] >= DULL)
    return answers, ops.where(begin_anew, 0.0, ops.beside(*(new[name] for name in STATE)))
