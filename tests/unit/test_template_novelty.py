"""How new a line is, and in which way."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.template_novelty import HOUR_US, MINUTE_US, NOTABLE, Novelty, Seen, novelty_of
from operators.template_tree import TemplateTree

NOON = 1_790_000_000_000_000
NOON -= NOON % HOUR_US


def of_lines(*drawn: tuple[str, int]) -> list[Novelty]:
    """The novelties of (form, microseconds after noon), of one device."""
    tree = TemplateTree()
    return [tree.take(form, NOON + after)[1] for form, after in drawn]


def heartbeats(minutes: int) -> list[tuple[str, int]]:
    return [("heartbeat sent", i * MINUTE_US) for i in range(minutes)]


def test_a_line_never_seen_is_new() -> None:
    assert of_lines(*heartbeats(100), ("kernel panic", 100 * MINUTE_US))[-1] == Novelty(1.0, "new")
    assert of_lines(*heartbeats(100))[-1].kind is None


def test_a_line_seen_once_or_twice_among_many_is_rare() -> None:
    seldom = [("fan stuck", (1_500 + i) * MINUTE_US) for i in range(4)]
    said = of_lines(*heartbeats(1_500), *seldom)[1_500:]
    assert [one.kind for one in said] == ["new", "rare", "rare", None]
    assert said[1].score == pytest.approx(1 / (2 + 100 / 1_501), abs=0.001)


def test_to_a_device_with_few_lines_nothing_is_rare() -> None:
    assert of_lines(*heartbeats(40), ("fan stuck", 40 * MINUTE_US), ("fan stuck", 41 * MINUTE_US))[-1].kind is None


def test_what_ends_a_silence_is_told_so() -> None:
    """A day and more away, of what came hourly."""
    hourly = [("backup done", i * HOUR_US) for i in range(48)]
    assert of_lines(*hourly, ("backup done", 48 * HOUR_US))[-1].kind is None
    ends = of_lines(*hourly, *heartbeats(3_000)[2_900:], ("backup done", 96 * HOUR_US))[-1]
    assert ends.kind == "silence"
    assert ends.score == pytest.approx(49 / (49 + 24 * 1.0), abs=0.02)


def test_many_lines_in_one_minute_are_a_burst() -> None:
    """One a minute for three hours, then a hundred at once: e = 1, so nine are nothing and the hundredth is 0.9."""
    flood = [("heartbeat sent", 180 * MINUTE_US + i * 100_000) for i in range(100)]
    said = of_lines(*heartbeats(180), *flood)[180:]
    assert [one.kind for one in said[:9]] == [None] * 9
    assert said[-1].kind == "burst"
    assert said[-1].score == pytest.approx(1 - 9 / 100, abs=0.005)
    assert [one.score for one in said[9:]] == sorted(one.score for one in said[9:])


def test_the_minute_after_a_burst_starts_anew() -> None:
    flood = [("heartbeat sent", 180 * MINUTE_US + i * 100_000) for i in range(100)]
    assert of_lines(*heartbeats(180), *flood, ("heartbeat sent", 181 * MINUTE_US))[-1].kind is None


def test_what_always_comes_in_floods_is_no_burst() -> None:
    steady = [("packet dropped", i * 600_000) for i in range(100 * 120)]
    assert {one.kind for one in of_lines(*steady)[20:]} == {None}


def test_the_first_hour_of_a_device_has_no_bursts() -> None:
    flood = [("boot step", i * 1_000) for i in range(500)]
    assert {one.kind for one in of_lines(*flood)[20:]} == {None}


FORMS = st.sampled_from(["a b", "c d", "e f"])
TIMES = st.one_of(st.integers(-(2**62), 2**62), st.integers(0, 200).map(lambda minutes: minutes * MINUTE_US))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(FORMS, TIMES), max_size=40))
def test_any_times_give_a_score_within_bounds(drawn: list[tuple[str, int]]) -> None:
    for said in of_lines(*drawn):
        assert 0.0 <= said.score <= 1.0
        assert (said.kind is not None) == (said.score >= NOTABLE)


def test_a_late_line_counts_in_no_minute() -> None:
    seen = Seen(0, NOON, NOON, NOON // MINUTE_US, 0)
    for time in (NOON, NOON + MINUTE_US, NOON + 1, NOON + MINUTE_US + 1):
        seen.add(time)
    assert (seen.count, seen.in_minute, seen.minute) == (4, 2, NOON // MINUTE_US + 1)
    assert novelty_of(seen, NOON, 100, NOON).kind is None
