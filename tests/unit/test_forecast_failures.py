"""Forecasts: what a device showed lately makes a serious alarm likely, or not, and says why."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from models.forecast_model import ForecastModel
from operators.forecast_failures import AGAIN_US, ForecastFailures
from operators.note_signals import NoteSignals
from operators.signal_history import FEATURES, STEP_US, STEPS, SignalHistory, in_words
from pipelines.engines.state_rows import StateRows
from schemas.answers import ALARMS_ENRICHED, DEVICE_LOGS_ENRICHED
from schemas.device_signals import DEVICE_SIGNALS, SIGNAL_KINDS
from tests.drawn_rows import rows
from tests.registered_operators import LABELLED, row_batch
from tests.signal_rows import falling_ill, signal

MINUTE_US = 60_000_000


def told(rows: list[dict[str, Any]], until_us: int | None = None) -> list[dict[str, Any]]:
    """What is told of these signals, one device, by row and then by deadline."""
    operator = ForecastFailures(ForecastModel.named())
    states = StateRows([operator], lambda keys: [None] * len(keys))
    batch = row_batch(DEVICE_SIGNALS, sorted(rows, key=lambda row: str(row["event_time"])))
    keys = batch.column("device_id").unique().to_pylist()
    states.fetch(keys)
    after, made = operator.process(states.batch(operator, keys), batch)
    found: list[dict[str, Any]] = made.to_pylist()
    if until_us is not None:
        _, fired = operator.fire(pa.array(keys), after, until_us)
        found += fired.to_pylist()
    return found


def test_a_device_that_falls_ill_is_forecast_before_its_alarm_with_reasons() -> None:
    rows = told(falling_ill("f", 10))
    likely = [row for row in rows if row["hubbub"]["forecast"]["label"] == "likely"]
    alarm = next(row for row in falling_ill("f", 10) if "major_alarm" in row["kinds"])
    assert likely
    assert likely[0]["event_time"].isoformat() < alarm["event_time"]
    forecast = likely[0]["hubbub"]["forecast"]
    assert forecast["score"] >= ForecastModel.named().limit
    assert forecast["horizon_s"] == 3600.0
    assert forecast["words"]
    assert {reason["what"] for reason in forecast["because"]} <= set(FEATURES)
    assert likely[0]["severity"] == "major"
    assert likely[0]["hubbub"]["input"]["topic"] == "device.telemetry"


def test_a_device_that_only_says_something_new_is_not() -> None:
    rows = told([signal("d", 31.0 * i, "novel_line") for i in range(8)])
    assert {row["hubbub"]["forecast"]["label"] for row in rows} == {"unlikely"}
    assert max(row["hubbub"]["forecast"]["score"] for row in rows) < 0.05


def test_quiet_is_news_and_ends_a_likely_forecast_by_a_deadline() -> None:
    rows = falling_ill("f", 10)[:-2]  # all but the alarm and its end
    last_us = max(row["event_time"] for row in told(rows)).timestamp() * 1e6
    made = told(rows, until_us=round(last_us) + 6 * 60 * MINUTE_US)
    assert made[-1]["hubbub"]["forecast"]["label"] == "unlikely"
    assert made[-1]["_row"] is None
    assert made[-1]["_deadline"] == made[-1]["event_time"]
    due = [row for row in made if row["_deadline"] is not None]
    assert all((row["event_time"].timestamp() * 1e6 - last_us) % (AGAIN_US / 3) < 1e9 for row in due)


def test_more_trouble_never_makes_an_alarm_less_probable() -> None:
    """Each count but those of alarms, raised by one from many states, raises the probability or leaves it."""
    import numpy as np

    model, seed = ForecastModel.named(), 20260301
    draw = np.random.default_rng(seed)
    base = draw.integers(0, 6, (200, len(FEATURES))).astype(np.float32)
    before = model.judge(base).score
    for at, name in enumerate(FEATURES):
        if "alarm" not in name:
            more = base.copy()
            more[:, at] += 1
            assert (model.judge(more).score >= before).all(), f"{name}, seed {seed}"


def test_history_is_bounded_and_forgets() -> None:
    history = SignalHistory()
    for i in range(5000):
        history.take(["anomaly", "minor_alarm"], f"metric {i}", False, i * 1_000_000)
    assert len(history.things) == len(history.alarms) == 16
    assert len(history.counts) == STEPS * len(SIGNAL_KINDS)
    far = history.latest + 8 * 86_400_000_000
    assert far > history.expires_at
    assert history.numbers(far) == SignalHistory().numbers(far)


def test_an_older_signal_counts_as_if_it_came_with_the_latest() -> None:
    history = SignalHistory()
    assert history.take(["error_line"], "t", False, 10 * STEP_US) == 10 * STEP_US
    assert history.take(["error_line"], "t", False, 2 * STEP_US) == 10 * STEP_US
    assert history.numbers(10 * STEP_US)[FEATURES.index("error_line_10min")] == 2.0


@pytest.mark.parametrize("feature", FEATURES)
def test_every_number_can_be_said(feature: str) -> None:
    assert in_words(feature, 3.0).count("3") >= 1


def test_notes_alarms_by_what_they_say_and_their_words() -> None:
    """A major alarm and a clear are signals; an alarm that says no severity is as bad as its words."""
    batch = row_batch(ALARMS_ENRICHED, LABELLED)
    empty = pa.RecordBatch.from_struct_array(pa.array([{}] * 2, pa.struct([])))
    _, made = NoteSignals().process(empty, batch)
    assert [(row["what"], row["kinds"], row["cleared"]) for row in made.to_pylist()] == [
        ("E-21", ["major_alarm"], False),
        (None, ["major_alarm"], False),
        ("E-21", [], True),
        ("F3", ["major_alarm"], False),
        ("E-21", ["major_alarm"], False),
        ("F3", [], True),
    ]


def test_a_novel_line_is_one_never_seen_and_nothing_else() -> None:
    """What is rare, a burst, or ends a silence is as novel, and no signal by itself."""
    batch = rows(
        DEVICE_LOGS_ENRICHED,
        """
        device_id | event_time | severity      | hubbub.template_id | hubbub.novelty | hubbub.novelty_kind
        d1        | 08:00:00   | indeterminate | t1                 | 0.95           | new
        d1        | 08:00:01   | indeterminate | t2                 | 0.95           | rare
        d1        | 08:00:02   | indeterminate | t3                 | 0.95           | burst
        d1        | 08:00:03   | warning       | t4                 | 0.95           | silence
        d1        | 08:00:04   | indeterminate | t5                 | 0.5            | new
        d1        | 08:00:05   | indeterminate | t6                 | -              | -
        """,
    )
    empty = pa.RecordBatch.from_struct_array(pa.array([{}], pa.struct([])))
    _, made = NoteSignals().process(empty, batch)
    assert [(row["what"], row["kinds"]) for row in made.to_pylist()] == [
        ("t1", ["novel_line"]),
        ("t4", ["warning_line"]),
    ]


def test_rows_of_another_kind_are_refused_when_it_is_built() -> None:
    with pytest.raises(ValueError, match="expected rows of an enriched topic"):
        NoteSignals().output_schema(DEVICE_SIGNALS.row_schema)
