"""The plot of a metric: what is drawn lies within it, what is odd is never left out, a pause breaks the line."""

from __future__ import annotations

import math

import re2
from hypothesis import given
from hypothesis import strategies as st

from pipelines.console.telemetry_plot import HEIGHT, WIDTH, Reading, plot_of, readings_of, thinned

NUMBERS = st.floats(min_value=-1e12, max_value=1e12)
RANGES = st.none() | st.tuples(NUMBERS, NUMBERS).map(sorted)
_NUMBER = re2.compile(r"-?\d+(?:\.\d+)?")


def event(minute: int, value: object, **anomaly: object) -> dict[str, object]:
    return {
        "event_time": f"2026-03-01T08:{minute:02d}:00Z", "metric": "box_temp", "unit": "Cel", "value": value,
        "hubbub": {"anomaly": anomaly},
    }  # fmt: skip


@st.composite
def series(draw: st.DrawFn) -> list[Reading]:
    steps = draw(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=60))
    at, found = 1.7e9, []
    for step in steps:
        at += step
        low, high = draw(RANGES) or (None, None)
        found.append(Reading(at, draw(NUMBERS), low, high, draw(st.sampled_from([None, "spike"]))))
    return found


@given(series())
def test_everything_that_is_drawn_lies_within_the_plot(readings: list[Reading]) -> None:
    plot = plot_of("m", "", readings)
    for path in (plot.line, plot.band, plot.odd):
        for move in path.replace("Z", "").replace("L", "M").split("M"):
            if move.strip():
                x, y = (float(one) for one in _NUMBER.findall(move)[:2])
                assert 0 <= x <= WIDTH
                assert 0 <= y <= HEIGHT
    levels = [float(one.replace(",", "")) for one in plot.levels]
    assert levels == sorted(levels, reverse=True)
    assert plot.odd.count("M") == sum(one.odd is not None for one in readings) == plot.odd_count


@given(st.lists(NUMBERS, min_size=1, max_size=120), st.sets(st.integers(min_value=0, max_value=119), max_size=9))
def test_thinning_keeps_what_would_be_seen(values: list[float], odd: set[int]) -> None:
    most = 20
    readings = [Reading(at, value, odd="spike" if at in odd else None) for at, value in enumerate(values)]
    kept = thinned(readings, most)
    assert len(kept) <= most + len(odd)
    assert {min(values), max(values)} <= {one.value for one in kept}
    assert {at for at in odd if at < len(values)} <= {int(one.time_s) for one in kept}
    assert [one.time_s for one in kept] == sorted(one.time_s for one in kept)


def test_readings_come_by_time_and_what_is_none_is_left_out() -> None:
    events = [
        event(3, 5.0, is_anomaly=True, kind="spike", expected_low=1.0, expected_high=2.0), event(1, 4),
        event(2, None), event(4, "warm"), event(5, True), event(6, math.inf), {"metric": "box_temp", "value": 1.0},
    ]  # fmt: skip
    found = readings_of([*events, {**event(7, 1.0), "hubbub": None}])
    unit, readings = found["box_temp"]
    assert (unit, [(one.value, one.odd) for one in readings]) == ("Cel", [(4.0, None), (5.0, "spike"), (1.0, None)])
    assert (readings[1].low, readings[1].high, readings[0].low) == (1.0, 2.0, None)


def test_a_long_pause_breaks_the_line_and_the_range() -> None:
    readings = [Reading(60.0 * at, 1.0 + at % 2, 0.5, 2.5) for at in (*range(10), *range(100, 110))]
    plot = plot_of("m", "", readings)
    assert (plot.line.count("M"), plot.band.count("M"), plot.band.count("Z")) == (2, 2, 2)
    whole = plot_of("m", "", readings[:10])
    assert (whole.line.count("M"), whole.times) == (1, ("00:00:00", "00:04:30", "00:09:00"))


def test_one_reading_that_never_changes_has_a_plot() -> None:
    plot = plot_of("m", "", [Reading(0.0, 0.0)])
    assert (plot.line, plot.levels, plot.times) == (
        f"M{WIDTH / 2:.1f} {HEIGHT / 2:.1f}h0",
        ("0.5", "0.25", "0", "-0.25", "-0.5"),
        ("00:00:00",),
    )


def test_a_range_that_was_wide_for_a_moment_does_not_flatten_the_line() -> None:
    readings = [Reading(float(at), float(at % 3), 0.0, 2.0) for at in range(200)]
    readings[50] = Reading(50.0, 1.0, -1e6, 1e6)
    top, *_, bottom = (float(one) for one in plot_of("m", "", readings).levels)
    assert -5 < bottom < top < 7


def test_levels_are_round_and_what_was_never_below_zero_has_none_there() -> None:
    latency = plot_of("m", "", [Reading(float(at), 10.0 + 990 * (at == 5), -60.0, 40.0) for at in range(20)])
    assert latency.levels == ("1,000", "750", "500", "250", "0")
    assert latency.grid.count("M") == len(latency.levels)
    cold = plot_of("m", "", [Reading(float(at), 10 * at - 18.0, -19.0, 5.0) for at in range(3)])
    assert cold.levels == ("10", "0", "-10", "-20")


def test_readings_as_far_apart_as_numbers_go_have_a_plot() -> None:
    """The room between the least and the greatest float is no float."""
    plot = plot_of("m", "", [Reading(0.0, -1.7e308, -1.7e308, 1.7e308), Reading(60.0, 1.7e308)])
    assert (plot.line, plot.levels[0], plot.levels[-1]) == ("M0.0 100.0L1000.0 0.0", "2e+307", "-2e+307")
