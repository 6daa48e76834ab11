"""The Numenta benchmark's rules of scoring, against cases worked by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.training.telemetry.nab_corpus import read_corpus, side_by_side
from models.training.telemetry.nab_rules import (
    OUTSIDE,
    PROFILES,
    Floats,
    Judged,
    best_result,
    judged,
    result_at,
    scaled_sigmoid,
)
from models.training.telemetry.windowed_gaussian import windowed_gaussian

STANDARD = PROFILES["standard"]


def scores(readings: int, *alarms: int) -> Floats:
    """1 at the alarms, 0 elsewhere."""
    found = np.zeros(readings)
    found[list(alarms)] = 1.0
    return found


@pytest.fixture
def one() -> Judged:
    """100 readings, of which the first 15 are the probation; one window of 10, from 40 to 49."""
    return judged("g", 100, [(40, 49)])


def test_the_sigmoid_is_one_far_before_nought_at_the_edge_and_minus_one_far_behind() -> None:
    found = scaled_sigmoid(np.array([-1.0, 0.0, 1.0, 3.0, 3.1, 100.0]))
    np.testing.assert_allclose(found, [0.98661, 0.0, -0.98661, -0.9999994, -1.0, -1.0], atol=1e-5)


def test_weighs_each_reading_by_its_place(one: Judged) -> None:
    assert one.worth[40] == 1.0  # the window's first reading lies one width before its end
    assert one.worth[49] == pytest.approx(scaled_sigmoid(np.array([-0.1]))[0] / 0.98661, abs=1e-4)
    assert one.worth[58] == pytest.approx(-0.98661, abs=1e-5)  # nine readings behind, the window's width less one
    assert one.worth[20] == -1.0 and one.worth[99] == -1.0
    assert one.window[39] == OUTSIDE and one.window[40] == 0
    assert not one.counts[14] and one.counts[15]


def test_the_probation_is_no_longer_than_750_readings() -> None:
    assert int(np.flatnonzero(judged("g", 20_000, []).counts)[0]) == 750


def test_perfect_is_100_and_nothing_is_0(one: Judged) -> None:
    perfect = best_result([one], [scores(100, 40)], STANDARD)
    assert (perfect.score, perfect.found, perfect.false_positives) == (100.0, 1, 0)
    assert best_result([one], [np.full(100, 0.5)], STANDARD).score == 0.0
    assert result_at([one], [scores(100, 40)], STANDARD, 2.0).score == 0.0


@pytest.mark.parametrize(("profile", "by_hand"), [("standard", 94.5), ("reward_low_FP_rate", 89.0)])
def test_a_false_alarm_costs_its_weight(one: Judged, profile: str, by_hand: float) -> None:
    """(1 - 0.11 - -1) / 2 of 100; the profile that rewards few false alarms doubles their price."""
    assert result_at([one], [scores(100, 40, 30)], PROFILES[profile], 1.0).score == pytest.approx(by_hand)


def test_a_missed_window_costs_more_where_misses_matter() -> None:
    two = judged("g", 200, [(50, 59), (100, 109)])
    found = scores(200, 50)
    assert result_at([two], [found], STANDARD, 1.0).score == pytest.approx(50.0)
    # found 1, missed -2, of -4 to 2
    assert result_at([two], [found], PROFILES["reward_low_FN_rate"], 1.0).score == pytest.approx(50.0)


def test_only_the_earliest_detection_in_a_window_counts(one: Judged) -> None:
    early = result_at([one], [scores(100, 42, 43, 44, 48)], STANDARD, 1.0)
    assert early == result_at([one], [scores(100, 42)], STANDARD, 1.0)
    assert early.score < 100.0


def test_a_detection_in_the_probation_counts_for_nothing(one: Judged) -> None:
    assert result_at([one], [scores(100, 3, 40)], STANDARD, 1.0).score == 100.0


def test_one_threshold_for_the_corpus_and_the_best(one: Judged) -> None:
    """At 0.9 one window is found; at 0.5 both, at the price of one false alarm; at 0.1 there is a second one."""
    first, second = scores(100, 40) * 0.9, scores(100, 40) * 0.5
    second[70], first[75] = 0.5, 0.1
    best = best_result([one, one], [first, second], STANDARD)
    assert (best.threshold, best.found, best.windows, best.false_positives) == (0.5, 2, 2, 1)
    assert best.score == pytest.approx(100 * (4 - 0.11 * -one.worth[70]) / 4)
    assert best == result_at([one, one], [first, second], STANDARD, 0.5)
    assert result_at([one, one], [first, second], STANDARD, 0.7).found == 1


def test_reads_a_corpus(tmp_path: Path) -> None:
    (tmp_path / "data" / "made").mkdir(parents=True)
    (tmp_path / "labels").mkdir()
    rows = [f"2026-01-01 00:{minute:02}:00,{minute}.5" for minute in range(4)]
    (tmp_path / "data" / "made" / "up.csv").write_text("\n".join(["timestamp,value", *rows]))
    labels = tmp_path / "labels" / "combined_windows.json"
    labels.write_text('{"made/up.csv": [["2026-01-01 00:01:00.000000", "2026-01-01 00:02:00.000000"]]}')
    [one] = read_corpus(tmp_path)
    assert (one.name, one.judged.group, one.judged.window.tolist()) == ("made/up.csv", "made", [-1, 0, 0, -1])
    values, gaps = side_by_side([one, one])
    assert values[:, 1].tolist() == [0.5, 1.5, 2.5, 3.5]
    assert gaps[:, 0].tolist() == [0.0, 60.0, 60.0, 60.0]
    labels.write_text('{"made/up.csv": [["2026-01-01 00:01:30.000000", "2026-01-01 00:02:00.000000"]]}')
    with pytest.raises(ValueError, match="readings at the edges of the window"):
        read_corpus(tmp_path)
    with pytest.raises(ValueError, match="found none"):
        (tmp_path / "data" / "made" / "up.csv").unlink()
        read_corpus(tmp_path)


def test_the_windowed_gaussian_looks_at_the_window_before() -> None:
    """Of 0, 2, 0, 2 the mean is 1 and the deviation 1: 3 lies two deviations away, 2.3 % of the tail."""
    found = windowed_gaussian(np.array([0.0, 2.0, 0.0, 2.0, 3.0, 1.0]), window=4, step=2)
    assert found[0] == 0.0
    assert found[4] == pytest.approx(1 - 0.02275, abs=1e-5)
    assert found[5] == 0.5  # the window has not moved on yet
