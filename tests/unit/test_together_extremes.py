"""Metrics read together, and what no sensor should say: huge, tiny, constant, missing, thousands of names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.multivariate_model import MultivariateModel
from operators.detect_together import DetectTogether
from schemas.device_metrics import DEVICE_METRICS
from tests.registered_operators import row_batch
from tests.tiny_multivariate_bundle import pump, write_tiny_multivariate_bundle

METRICS = ("speed", "flow", "current", "room")
EXTREME = st.sampled_from((0.0, -0.0, 1e300, -1e300, 1.7e308, -1.7e308, 5e-324, 1e-300, 1.0, None))
READING = st.dictionaries(st.sampled_from(METRICS), EXTREME)


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> DetectTogether:
    folder: Path = tmp_path_factory.mktemp("bundle")
    return DetectTogether(MultivariateModel(write_tiny_multivariate_bundle(folder)))


def process(
    operator: DetectTogether, readings: list[dict[str, float | None]], times: list[str] | None = None
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Judge one device's readings, a minute apart unless `times` says otherwise."""
    minutes = times or [f"2026-03-01T{i // 60:02d}:{i % 60:02d}:00Z" for i in range(len(readings))]
    rows = [{"device_id": "d", "event_time": at, "metrics": one} for at, one in zip(minutes, readings, strict=True)]
    states = pa.RecordBatch.from_pylist([{}], schema=operator.state_schema)
    return operator.process(states, row_batch(DEVICE_METRICS, rows))


def scores(out: pa.RecordBatch) -> list[float | None]:
    return [None if one is None else one["score"] for one in out.column("anomaly").to_pylist()]


@settings(max_examples=12, deadline=None)
@given(st.lists(READING, min_size=1, max_size=20))
def test_extremes_are_answered_and_forgotten(operator: DetectTogether, mad: list[dict[str, float | None]]) -> None:
    """Whatever came, sixty normal readings later the device is judged as one that had nothing of it."""
    normal: list[dict[str, float | None]] = [dict(one) for one in pump(9, 80)]
    states, out = process(operator, [*mad, *normal])
    for score, shares in zip(scores(out), out.column("contributions").to_pylist(), strict=True):
        assert score is None or 0.0 <= score <= 1.0
        assert shares is None or all(0.0 < share <= 1.0 for _, share in shares)
    numbers = np.frombuffer(states.column("numbers")[0].as_py(), dtype="<f8")
    assert np.isfinite(numbers).all() and len(numbers) == len(METRICS) + 1
    _, calm = process(operator, normal)
    flags = [[one["is_anomaly"] for one in side.column("anomaly").to_pylist()[-20:]] for side in (out, calm)]
    assert flags[0] == flags[1]


def test_thousands_of_metrics_of_one_device_cost_no_memory_and_change_nothing(operator: DetectTogether) -> None:
    readings: list[dict[str, float | None]] = [dict(one) for one in pump(2, 20)]
    # With ten thousand the codec refuses the event (`too_large`) before any operator meets it.
    crowded = [one | {f"metric {number}": 1e300 for number in range(9_900)} for one in readings]
    states, out = process(operator, crowded)
    few, calm = process(operator, readings)
    assert states.equals(few)
    assert out.column("anomaly").equals(calm.column("anomaly"))


def test_constants_and_nothing_at_all_are_no_error(operator: DetectTogether) -> None:
    still: dict[str, float | None] = dict(pump(3, 1)[0])
    _, out = process(operator, [still] * 50 + [{}] * 3 + [dict.fromkeys(METRICS)] * 3)
    found = scores(out)
    assert None not in found[:50] and found[50:] == [None] * 6
    assert "_error" not in out.schema.names or out.column("_error").null_count == out.num_rows


def test_time_that_goes_back_or_far_ahead_is_judged(operator: DetectTogether) -> None:
    readings: list[dict[str, float | None]] = [dict(one) for one in pump(4, 4)]
    times = ["2026-03-01T00:00:00Z", "2026-02-01T00:00:00Z", "2106-03-01T00:00:00Z", "1970-01-01T00:00:00Z"]
    states, out = process(operator, readings, times)
    assert None not in scores(out)
    _, taken = process(operator, [readings[0], readings[2]], [times[0], times[2]])
    assert scores(out)[2] == scores(taken)[1], "an older reading is judged, and not taken in"
    assert states.column("last")[0].as_py().year == 2106
