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
repeated exactly for longer than is usual for the series, by the same tail over run lengths, is stuck.
"""

from __future__ import annotations

from typing import Any, TypeAlias

# An array of NumPy's, or a symbol of the graph; and the module or object whose functions take them.
Column: TypeAlias = Any
Operations: TypeAlias = Any

STATE = (
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
)
KINDS = ("none", "spike", "level_shift", "drift", "stuck")
NONE, SPIKE, LEVEL_SHIFT, DRIFT, STUCK = range(5)

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
LARGEST = 1e300
FARTHEST = 1e9  # in scales
LONGEST_PAUSE = 100.0  # in usual intervals


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


def advance(  # noqa: PLR0915
    ops: Operations, value: Column, seconds: Column, alarm: Column, state: dict[str, Column]
) -> tuple[dict[str, Column], dict[str, Column]]:
    """Judge one reading of each series and take it in; return the answers and the new state.

    `seconds` have passed since the series' last reading (0 for the first one); `alarm` is the probability under which
    a reading is an anomaly. Answers: `score`, `is_anomaly`, `expected_low`, `expected_high`, `kind` (index into
    `KINDS`). Until `WARM_UP` readings were taken in, the score is 0 and the range is not a number.
    """
    old = state
    count = old["readings"]
    alarm = alarm / QUESTIONS
    first = count < 1.0
    value = ops.minimum(ops.maximum(value, -LARGEST), LARGEST)
    taught_rate = ops.where(first, FIRST_RATE, old["rate"])
    taught_excess = ops.where(first, FIRST_EXCESS, old["excess"])
    gap_rate = ops.where(first, FIRST_RATE, old["gap_rate"])
    gap_excess = ops.where(first, FIRST_EXCESS, old["gap_excess"])

    # Time: how many usual intervals have passed.
    usual = old["interval"]
    pace = ops.where(count < 2.0, seconds, usual + (ops.minimum(seconds, CLIP * usual) - usual) / 50.0)
    steps = ops.where(count < 2.0, 1.0, ops.minimum(seconds / ops.maximum(usual, 1e-6), LONGEST_PAUSE))
    least = 1.0 / (count + 1.0)  # until a horizon is filled, its mean is that of all readings

    def weight(horizon: float) -> Column:
        return ops.maximum(steps / (steps + horizon), least)

    # Expectation.
    floor = ops.abs(old["slow"]) * 1e-9 + 1e-30
    errors = [old[name] + floor for name in ("held_error", "fast_error", "slow_error")]
    best = ops.minimum(ops.minimum(errors[0], errors[1]), errors[2])
    trust = [_fourth_power(best / error) for error in errors]
    levels = [ops.where(first, value, old[name]) for name in ("held", "fast", "slow")]
    total = trust[0] + trust[1] + trust[2]
    expected = levels[0] * (trust[0] / total) + levels[1] * (trust[1] / total) + levels[2] * (trust[2] / total)

    # How far off, in usual sizes. What was expected after a long pause is known less well.
    residual = value - expected
    least_jump = old["jump"] * (0.2 * (ops.minimum(old["jumps"], 8.0) / 8.0))
    size = ops.maximum(ops.maximum(old["scale"], old["long_scale"] * 0.5), least_jump) + floor
    wide = size * ops.sqrt(ops.maximum(steps, 1.0))
    z = ops.minimum(ops.abs(residual) / wide, FARTHEST)
    p_value = _probability(ops, z, taught_rate, taught_excess)

    # Outliers, and the new level that many of them make.
    ready = count >= WARM_UP
    outlier = ready & (p_value < OUTLIER)
    sign = ops.where(residual > 0.0, 1.0, -1.0)
    side = ops.where(outlier, ops.where(old["side"] * sign > 0.0, old["side"] + sign, sign), 0.0)
    length = ops.maximum(ops.abs(side), 1.0)
    aside = ops.where(outlier, ops.where(length > 1.5, old["aside"] + (value - old["aside"]) / length, value), 0.0)
    shifted = length >= NEW_LEVEL
    share = ops.where(first, OUTLIER, old["stayed"])
    ended = shifted | ((ops.abs(old["side"]) > 0.0) & (length < 1.5))
    runs = ops.where(ended, ops.minimum(old["runs"] + 1.0, 20.0), old["runs"])
    stayed = ops.where(ended, share + (ops.where(shifted, 1.0, 0.0) - share) / (runs + 1.0), share)
    # A new level is as probable as its last reading, times how often an outlier stays on this series.
    p_shift = ops.where(shifted, p_value * ops.maximum(share, OUTLIER), 1.0)
    shift_alarm = alarm > p_shift
    kept = outlier & ~shifted
    held = ops.where(shifted, aside, ops.where(kept, levels[0], value))
    fast = ops.where(shifted, aside, ops.where(kept, levels[1], levels[1] + (value - levels[1]) * weight(FAST)))
    # Shifts that are usual here leave the slow level behind, or a drift in small steps would never show.
    slow = ops.where(shift_alarm, aside, ops.where(kept, levels[2], levels[2] + (value - levels[2]) * weight(SLOW)))

    # Stuck: the same value again, longer than usual.
    again = ops.equal(value, old["last"]) & ~first
    run = ops.where(again, old["run"] + 1.0, 0.0)
    p_stuck = 1.0 / _fourth_power(1.0 + run / (3.0 * (old["usual_run"] + 1.0)))
    usual_run = old["usual_run"] + (ops.minimum(run, CLIP * (old["usual_run"] + 1.0)) - old["usual_run"]) * weight(LONG)

    # Levels apart: drift, or a shift too small for one reading.
    apart_by = ops.abs(fast - slow)
    usual_apart = ops.maximum(old["gap_scale"], size * 0.25) + floor
    z_apart = ops.minimum(apart_by / usual_apart, FARTHEST)
    settled = count >= WARM_UP_LEVELS
    p_apart = ops.where(settled, _probability(ops, z_apart, gap_rate, gap_excess), 1.0)
    far = z_apart > 1.5
    apart = ops.where(far, old["apart"] + 1.0, 0.0)
    apart_alarm = alarm > p_apart
    called = ops.where(
        old["gap_kind"] > 0.0, old["gap_kind"], ops.where(apart > 12.0, float(DRIFT), float(LEVEL_SHIFT))
    )
    gap_kind = ops.where(apart_alarm, called, 0.0)

    # The answer.
    least_p = ops.minimum(ops.minimum(p_value, p_shift), ops.minimum(p_apart, p_stuck))
    is_anomaly = ready & (alarm > least_p)
    kind = ops.where(
        shift_alarm,
        float(LEVEL_SHIFT),
        ops.where(alarm > p_value, float(SPIKE), ops.where(apart_alarm, gap_kind, float(STUCK))),
    )
    reach_in_sizes = TAIL_FROM + 3.0 * taught_excess * (ops.sqrt(ops.sqrt(taught_rate / alarm)) - 1.0)
    reach = ops.minimum(wide * ops.maximum(reach_in_sizes, 0.0), LARGEST)
    nothing = float("nan")
    answers = {
        "score": ops.where(ready, 1.0 - ops.minimum(least_p * QUESTIONS, 1.0), 0.0),
        "is_anomaly": is_anomaly,
        "expected_low": ops.where(ready, expected - reach, nothing),
        "expected_high": ops.where(ready, expected + reach, nothing),
        "kind": ops.where(is_anomaly, kind, float(NONE)),
    }

    # Memory. A value that stands still says nothing about noise: scales and tails wait.
    alive = (run < 4.0) & ~first
    clipped = ops.minimum(ops.abs(residual), ops.where(ready, CLIP * size, LARGEST))

    def mean(name: str, sample: Column, horizon: float) -> Column:
        return ops.where(alive, old[name] + (sample - old[name]) * weight(horizon), old[name])

    def error(name: str, level: Column) -> Column:
        off = ops.minimum(ops.abs(value - level), ops.where(ready, CLIP * (old[name] + size), LARGEST))
        return mean(name, off, NOISE)

    change = ops.abs(value - old["last"])
    changed = ~again & ~first
    jumps = ops.where(changed, ops.minimum(old["jumps"] + 1.0, 50.0), old["jumps"])
    bounded_change = ops.minimum(change, ops.where(old["jumps"] > 8.0, CLIP * old["jump"], LARGEST))
    jump = ops.where(changed, old["jump"] + (bounded_change - old["jump"]) / ops.maximum(jumps, 1.0), old["jump"])
    rate = _taught_rate(ops, alive & ready, taught_rate, ops.where(z > TAIL_FROM, 1.0, 0.0))
    excess, excesses = _taught_excess(ops, z, alive & ready, taught_excess, old["excesses"])
    within = settled & ~(z_apart > TAIL_FROM)
    gap_rate = _taught_rate(ops, alive & within, gap_rate, old["gap_length"])
    gap_excess, gap_excesses = _taught_excess(ops, old["gap_peak"], within, gap_excess, old["gap_excesses"])
    beyond = settled & ~within
    gap_peak = ops.where(beyond, ops.maximum(old["gap_peak"], z_apart), 0.0)
    gap_length = ops.where(beyond, old["gap_length"] + 1.0, 0.0)
    new = {
        "readings": ops.minimum(count + 1.0, 1e9),
        "interval": pace,
        "last": value,
        "run": run,
        "usual_run": usual_run,
        "held": held,
        "fast": fast,
        "slow": slow,
        "held_error": error("held_error", levels[0]),
        "fast_error": error("fast_error", levels[1]),
        "slow_error": error("slow_error", levels[2]),
        "scale": mean("scale", clipped, NOISE),
        "long_scale": mean("long_scale", clipped, LONG),
        "jump": jump,
        "jumps": jumps,
        "rate": rate,
        "excess": excess,
        "excesses": excesses,
        "side": ops.where(shifted, 0.0, side),
        "aside": ops.where(shifted, 0.0, aside),
        "stayed": stayed,
        "runs": runs,
        "gap_scale": mean("gap_scale", ops.minimum(apart_by, ops.where(settled, 2.0 * usual_apart, LARGEST)), LONG),
        "gap_rate": gap_rate,
        "gap_excess": gap_excess,
        "gap_excesses": gap_excesses,
        "gap_peak": gap_peak,
        "gap_length": gap_length,
        "apart": apart,
        "gap_kind": gap_kind,
    }
    return answers, {name: new[name] for name in STATE}
