"""Drift: the distances against slow definitions, the bounds against chance, and figures however rows are cut."""

from __future__ import annotations

from collections import Counter
from math import log

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.drift import DRIFTED_PSI, LEAST_SHARE, ks_by_chance, ks_of, label_drift, number_drift, psi_of
from models.reference import NumberCounts, Reference, count_numbers, deciles, place_of, reference_of
from models.telemetry_model import TelemetryModel
from models.text_model import TextModel
from pipelines.drift.live_drift import Recent
from pipelines.drift.watched import Tally, watched
from pipelines.shipped.alarms import alarms
from pipelines.shipped.logs import logs
from pipelines.shipped.messages import messages
from pipelines.shipped.telemetry import telemetry
from schemas.answers import ANOMALY

COUNTS = st.lists(st.integers(0, 1000), min_size=2, max_size=12).filter(any)


@given(COUNTS, st.data())
def test_the_distances_are_what_their_definitions_say(expected: list[int], data: st.DataObject) -> None:
    found = data.draw(st.lists(st.integers(0, 1000), min_size=len(expected), max_size=len(expected)).filter(any))
    shares = [[max(one / sum(side), LEAST_SHARE) for one in side] for side in (expected, found)]
    psi = sum((q - p) * log(q / p) for p, q in zip(*shares, strict=True))
    assert psi_of(expected, found) == pytest.approx(psi)
    assert psi_of(expected, expected) == 0 == ks_of(expected, expected)
    below = [[sum(side[: end + 1]) / sum(side) for end in range(len(side))] for side in (expected, found)]
    assert ks_of(expected, found) == pytest.approx(max(abs(p - q) for p, q in zip(*below, strict=True)))
    assert psi_of(expected, found) == pytest.approx(psi_of(found, expected))


def test_chance_alone_is_called_drift_hardly_ever_and_a_change_always() -> None:
    draw = np.random.default_rng(11)
    reference = draw.normal(size=2_000)
    edges = deciles(reference)
    expected = count_numbers(reference, edges).counts
    levels, beyond = Counter[str](), 0
    for _ in range(500):
        one = number_drift("same", expected, count_numbers(draw.normal(size=300), edges).counts)
        levels[one.level] += 1
        beyond += one.ks is not None and one.ks_bound is not None and one.ks > one.ks_bound
    assert (levels["drifted"], levels["shifting"], beyond) == (0, 0, 0), levels
    moved = number_drift("moved", expected, count_numbers(draw.normal(0.8, size=300), edges).counts)
    assert (moved.level, moved.psi > DRIFTED_PSI) == ("drifted", True)
    # A change that is certain and small is no drift: that is what PSI is for.
    slight = number_drift("slight", expected, count_numbers(draw.normal(0.15, size=200_000), edges).counts)
    assert slight.ks is not None and slight.ks > ks_by_chance(2_000, 200_000)
    assert slight.level == "stable"


def test_labels_drift_when_one_comes_that_never_was() -> None:
    expected = {"en": 700, "zh-CN": 300}
    assert label_drift("language", expected, {"en": 140, "zh-CN": 60}).level == "stable"
    new = label_drift("language", expected, {"en": 100, "zh-CN": 50, "und": 50})
    assert (new.level, new.ks, new.ks_bound) == ("drifted", None, None)
    assert label_drift("language", expected, {"und": 99}).level == "few"
    assert label_drift("language", expected, {}).level == "few"


def test_a_reference_refuses_what_cannot_be_one() -> None:
    with pytest.raises(ValueError, match="expected rising edges"):
        NumberCounts((1.0, 1.0), (1, 2, 3))
    with pytest.raises(ValueError, match="one count more"):
        NumberCounts((1.0,), (1, 2, 3))
    with pytest.raises(ValueError, match="at least one finite value"):
        deciles(np.array([np.nan]))
    one = reference_of("lines", 5, {"x": np.array([1.0, 1.0, np.inf, 2.0, np.nan]), "y": np.array([np.nan])}, {"l": []})
    assert one == Reference("lines", 5, {"x": NumberCounts((1.0, 2.0), (2, 1, 0))}, {})


def test_the_place_of_a_reading_has_no_unit() -> None:
    value, low, high = np.array([[5.0, 0.0, 20.0, 3.0, 4.0, 1.0], [0, 0, 0, 3, 3, np.nan], [10, 10, 10, 3, 3, np.nan]])
    assert place_of(value, low, high)[:4].tolist() == [0.0, -1.0, 3.0, 0.0]
    assert place_of(value, low, high)[4] > 1e6
    assert np.isnan(place_of(value, low, high)[5])


def judged(rows: int) -> pa.RecordBatch:
    """Rows as the pipeline `telemetry` makes them, every seventh of a series that is not known yet."""
    draw = np.random.default_rng(5)
    known = np.arange(rows) % 7 > 0
    answers = [
        {"score": score, "kind": "spike" if score > 0.99 else "none", "expected_low": 0.0 if one else None}
        for score, one in zip(draw.uniform(size=rows).tolist(), known.tolist(), strict=True)
    ]
    return pa.RecordBatch.from_pydict(
        {
            "event_id": pa.array([f"{one:032x}" for one in range(rows)]),
            "value": pa.array(draw.normal(size=rows)),
            "metric": pa.array(["temp"] * rows),
            "anomaly": pa.array(answers, ANOMALY),
        }
    )


WINDOW = 40
BATCH = judged(5 * WINDOW + 21)
[TELEMETRY] = watched(telemetry(TelemetryModel.named()))


@settings(max_examples=25, deadline=None)  # the first one loads the model
@given(st.lists(st.integers(1, 2 * WINDOW), max_size=6))
def test_recent_rows_are_those_of_one_or_two_windows_wherever_batches_are_cut(cuts: list[int]) -> None:
    one = TELEMETRY
    whole, cut = Recent(one, WINDOW), Recent(one, WINDOW)
    whole.take(BATCH)
    begin = 0
    for size in [*cuts, BATCH.num_rows]:
        cut.take(BATCH.slice(begin, size))
        begin = min(begin + size, BATCH.num_rows)
    assert whole.drift() == cut.drift()
    assert WINDOW <= whole.drift().rows < 2 * WINDOW
    last = one.tally(BATCH.slice(BATCH.num_rows - whole.drift().rows))
    assert whole.drift() == one.drift(last)


def test_readings_of_series_that_are_not_known_do_not_count() -> None:
    one = TELEMETRY
    tally = one.tally(BATCH)
    known = sum(row % 7 > 0 for row in range(BATCH.num_rows))
    assert (tally.rows, tally.numbers["anomaly.score"].sum(), tally.labels["anomaly"].total()) == (
        BATCH.num_rows,
        known,
        known,
    )
    assert one.drift(tally + Tally()) == one.drift(tally)


def test_every_shipped_model_has_a_reference_for_each_topic_that_it_serves() -> None:
    text = TextModel.named()
    for pipeline in (telemetry(TelemetryModel.named()), alarms(text), logs(text), messages(text)):
        for one in watched(pipeline):
            assert one.reference is not None, f"{one.model} has no reference for {one.topic}"
            answers = {answer.name.removesuffix("_answer") for answer in one.reader.answers}
            assert answers <= one.reference.labels.keys()
            assert {f"{name}.score" for name in answers} <= one.reference.numbers.keys()
