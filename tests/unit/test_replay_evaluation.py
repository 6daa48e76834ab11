"""Figures against the truth: by hand, and against a plain loop that resamples and counts."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import quantiles

import numpy as np
import pytest

from pipelines.replay.costs import CostPoint, cost_curve, score_of
from pipelines.replay.episodes import Episode
from pipelines.replay.evaluation import Truth, evaluate
from pipelines.replay.incidents import Incident
from pipelines.replay.intervals import MEASURES, _weighted_quantile, bootstrap
from pipelines.replay.judge import Judged, judge
from pipelines.replay.measure import Watched, measure
from tests.drawn_alerts import DAY, HOUR, MINUTE, alert

SEED = 20


def scored(alert_id: str, at: int, score: float | None, **changes: object) -> Episode:
    one = alert(alert_id, at)
    evidence = ({**one.evidence[0], "kind": "log", "score": score},)
    return replace(one, evidence=evidence, **changes)  # type: ignore[arg-type]


def a_fortnight(seed: int) -> tuple[list[Episode], list[Incident], Watched]:
    """Twelve devices, fourteen days, incidents on some of them and alerts in and out of them."""
    draw = random.Random(seed)
    incidents, alerts = [], []
    for number in range(40):
        device, start = f"d{draw.randrange(12)}", draw.randrange(14 * DAY)
        incidents.append(Incident(device, start, start + draw.randrange(10 * MINUTE, 5 * HOUR)))
        for copy in range(draw.choice((0, 0, 1, 1, 2))):
            inside = start + draw.randrange(4 * HOUR)
            alerts.append(scored(f"a{number}.{copy}", inside // MINUTE, draw.random(), device_id=device))
    for number in range(25):
        device, at = f"d{draw.randrange(12)}", draw.randrange(14 * DAY)
        alerts.append(scored(f"f{number}", at // MINUTE, draw.random(), device_id=device))
    return alerts, incidents, Watched(12, 0, 14 * DAY - 1)


def test_two_labels_of_one_incident_are_two_incidents() -> None:
    """Found together or missed together, never one of two."""
    twice = [Incident("d1", 0, HOUR, "fire")] * 2
    scores = measure(judge([alert("a", 5)], twice), Watched(1, 0, DAY))
    assert (scores.found, scores.incidents, scores.recall) == (2, 2, 1.0)


def test_nine_in_ten_are_faster_than_p90() -> None:
    incidents = [Incident(f"d{number}", 0, HOUR) for number in range(11)]
    alerts = [alert(f"a{number}", number, device_id=f"d{number}") for number in range(11)]
    scores = measure(judge(alerts, incidents), Watched(11, 0, DAY))
    assert (scores.delay_s, scores.delay_p90_s) == (300.0, 540.0)
    by_library = quantiles([60.0 * number for number in range(11)], n=10, method="inclusive")
    assert scores.delay_p90_s == by_library[-1]


def test_the_cost_of_each_threshold_by_hand() -> None:
    """Two incidents; alerts right at 0.9 and 0.6 (the second incident), false at 0.7 and 0.3."""
    incidents = [Incident("d1", HOUR, 2 * HOUR), Incident("d1", 10 * HOUR, 11 * HOUR)]
    alerts = [scored("r1", 70, 0.9), scored("r2", 610, 0.6), scored("f1", 300, 0.7), scored("f2", 400, 0.3)]
    curve = cost_curve(judge(alerts, incidents))
    assert curve.points == (
        CostPoint(0.0, 4, 2, 0),
        CostPoint(0.3, 4, 2, 0),
        CostPoint(0.6, 3, 1, 0),
        CostPoint(0.7, 2, 1, 1),
        CostPoint(0.9, 1, 0, 1),
        CostPoint(None, 0, 0, 2),
    )
    assert curve.as_it_is.cost(10) == 2
    assert (curve.best(10).threshold, curve.best(10).cost(10)) == (0.6, 1)
    assert (curve.best(0.4).threshold, curve.best(0.4).cost(0.4)) == (0.9, 0.4)
    assert curve.best(0).threshold is None or curve.best(0).cost(0) == 0


def test_costs_are_what_counting_gives() -> None:
    alerts, incidents, watched = a_fortnight(SEED)
    for point in cost_curve(judge(alerts, incidents)).points:
        limit = 2.0 if point.threshold is None else point.threshold
        scores = measure(judge([one for one in alerts if score_of(one) >= limit], incidents), watched)
        found = (point.alerts, point.false_alarms, point.misses)
        assert found == (scores.alerts, scores.alerts - scores.right, len(incidents) - scores.found)


def test_an_alarm_that_a_device_raised_itself_is_certain() -> None:
    """Its score says what category it is, not whether anything is wrong."""
    one = alert("a")
    kind = replace(one, evidence=({**one.evidence[0], "kind": "alarm", "score": 0.4},))
    assert (score_of(kind), score_of(one), score_of(scored("b", 0, 0.4))) == (1.0, 1.0, 0.4)


def test_the_same_seed_gives_the_same_intervals_and_another_seed_others() -> None:
    alerts, incidents, watched = a_fortnight(SEED)
    judged = {"one": judge(alerts, incidents)}
    first, again, other = (bootstrap(judged, watched, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first is not None and other is not None and first.sides != other.sides
    assert first.device_days == 12 * 14


def test_intervals_are_what_a_plain_loop_gives() -> None:
    """Drawing device-days one by one and measuring each draw anew: the ends agree to the noise of 2,000 draws."""
    alerts, incidents, watched = a_fortnight(SEED)
    judged = judge(alerts, incidents)
    found = bootstrap({"one": judged}, watched, seed=SEED, resamples=2000)
    assert found is not None
    slow = _by_a_loop(judged, watched, seed=SEED + 1, resamples=2000)
    for name in MEASURES:
        fast = found.sides["one"][name]
        assert fast is not None
        low, high = slow[name]
        assert fast == pytest.approx((low, high), abs=0.12 * (high - low)), name


def _by_a_loop(judged: Judged, watched: Watched, seed: int, resamples: int) -> Mapping[str, tuple[float, float]]:
    draw = random.Random(seed)
    print("seed", seed)
    units = [(f"d{device}", day) for device in range(12) for day in range(14)]
    alerts: dict[tuple[str, int], list[bool]] = defaultdict(list)
    for one, hits in zip(judged.alerts, judged.hits, strict=True):
        alerts[one.device_id, one.fired_us // DAY].append(bool(hits))
    incidents: dict[tuple[str, int], list[int]] = defaultdict(list)
    for index, incident in enumerate(judged.incidents):
        incidents[incident.device_id, incident.from_us // DAY].append(index)
    values: dict[str, list[float]] = {name: [] for name in MEASURES}
    for _ in range(resamples):
        right = wrong = all_ = 0
        delays: list[float] = []
        for unit in draw.choices(units, k=len(units)):
            right += sum(alerts.get(unit, ()))
            wrong += sum(not one for one in alerts.get(unit, ()))
            all_ += len(incidents.get(unit, ()))
            delays += [judged.delays[index] for index in incidents.get(unit, ()) if index in judged.delays]
        precision, recall = right / (right + wrong), len(delays) / all_
        values["precision"].append(precision)
        values["recall"].append(recall)
        values["f1"].append(2 * precision * recall / (precision + recall))
        values["delay_s"].append(float(np.quantile(delays, 0.5)))
        values["delay_p90_s"].append(float(np.quantile(delays, 0.9)))
        values["false_alarms_a_device_day"].append(wrong / watched.device_days)
    return {name: (float(np.quantile(one, 0.025)), float(np.quantile(one, 0.975))) for name, one in values.items()}


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 1.0])
def test_a_quantile_of_repeated_values_is_numpys(share: float) -> None:
    draw = np.random.default_rng(SEED)
    values = np.sort(draw.random(9))
    weights = draw.integers(0, 4, size=(50, 9)).astype(np.float64)
    weights[0] = 0
    expected = [np.quantile(np.repeat(values, row.astype(int)), share) if row.any() else np.nan for row in weights]
    np.testing.assert_allclose(_weighted_quantile(values, weights, share), expected)


def test_the_difference_of_equal_sides_is_nothing_for_sure() -> None:
    """Both are measured on the same draws, so what is the same on both sides does not blur the difference."""
    alerts, incidents, watched = a_fortnight(SEED)
    judged = judge(alerts, incidents)
    found = bootstrap({"one": judged, "other": judged}, watched, seed=1)
    assert found is not None and found.difference is not None
    assert set(found.difference.values()) == {(0.0, 0.0)}


def test_a_better_candidate_is_better_for_sure() -> None:
    """Without its false alarms a side is more precise in every draw, and misses no more."""
    alerts, incidents, watched = a_fortnight(SEED)
    better = [one for one, hits in zip(alerts, judge(alerts, incidents).hits, strict=True) if hits]
    found = evaluate({"old": alerts, "new": better}, incidents, watched, Truth(incidents, seed=3)).certainty
    assert found is not None and found.difference is not None
    low, high = found.difference["precision"] or (0.0, 0.0)
    assert 0 < low < high
    assert found.difference["recall"] == (0.0, 0.0)


def test_what_never_has_a_meaning_has_no_interval() -> None:
    found = bootstrap({"silent": judge([], [Incident("d1", 0, HOUR)])}, Watched(1, 0, DAY), seed=1)
    assert found is not None
    silent = found.sides["silent"]
    assert (silent["precision"], silent["delay_s"], silent["recall"]) == (None, None, (0.0, 0.0))


def test_a_history_without_devices_has_no_intervals() -> None:
    nothing: Sequence[Incident] = ()
    assert bootstrap({"one": judge([], nothing)}, Watched(0, 0, 0), seed=1) is None
