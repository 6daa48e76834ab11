"""Metrics of a device read together: a relation that breaks, a level never met, what is missing, what is mad."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from models.multivariate_model import MultivariateModel
from models.training.given_rows import BadFile
from models.training.multivariate.readings import read_readings
from operators.detect_together import DetectTogether
from schemas.device_metrics import DEVICE_METRICS
from tests.registered_operators import row_batch
from tests.tiny_multivariate_bundle import pump, write_tiny_multivariate_bundle

Answer = tuple[dict[str, object] | None, dict[str, float]]


@pytest.fixture
def operator(tmp_path: Path) -> DetectTogether:
    return DetectTogether(MultivariateModel(write_tiny_multivariate_bundle(tmp_path)))


def judged(operator: DetectTogether, readings: list[dict[str, float] | None]) -> list[Answer]:
    """Answers of one device's readings, ten seconds apart."""
    rows = [
        {"device_id": "d", "event_time": f"2026-03-01T{i // 360:02d}:{i // 6 % 60:02d}:{i % 6}0Z", "metrics": reading}
        for i, reading in enumerate(readings)
    ]
    states = pa.RecordBatch.from_pylist([{}], schema=operator.state_schema)
    _, out = operator.process(states, row_batch(DEVICE_METRICS, rows))
    return [(row["anomaly"], dict(row["contributions"] or [])) for row in out.to_pylist()]


def test_a_relation_that_breaks_is_found_and_named(operator: DetectTogether) -> None:
    """The current is normal in itself, but not at this speed."""
    readings = pump(3, 60)
    broken = [reading | {"current": reading["current"] + 1.0} for reading in readings[40:]]
    answers = judged(operator, [*readings[:40], *broken])
    assert sum(bool(one and one["is_anomaly"]) for one, _ in answers[:40]) <= 1
    last, shares = answers[-1]
    assert last is not None and last["is_anomaly"] and last["kind"] == "relation"
    assert next(iter(shares)) == "current" and sum(shares.values()) == pytest.approx(1, abs=1e-5)


def test_one_mad_value_does_not_break_a_series(operator: DetectTogether) -> None:
    readings = pump(4, 120)
    mad: list[dict[str, float] | None] = [*readings[:40], readings[40] | {"flow": 1e300}, *readings[41:]]
    answers = judged(operator, mad)
    assert answers[40][0] is not None and answers[40][0]["is_anomaly"]
    assert not any(one and one["is_anomaly"] for one, _ in answers[90:])


def test_what_is_missing_stays_where_it_was(operator: DetectTogether) -> None:
    readings: list[dict[str, float] | None] = [*pump(6, 30), None, {}, {"colour": 7.0}, {"room": 21.0}]
    answers = judged(operator, readings)
    assert [one is None for one, _ in answers[30:]] == [True, True, True, False]
    assert answers[-1][0] is not None and not answers[-1][0]["is_anomaly"]


def test_what_is_no_number_is_a_row_error(operator: DetectTogether) -> None:
    batch = row_batch(
        DEVICE_METRICS, [{"device_id": "d", "event_time": "2026-03-01T00:00:00Z", "metrics": {"flow": 1}}]
    )
    metrics = pa.array([[("flow", np.inf)]], batch.column("metrics").type)
    batch = batch.set_column(batch.schema.get_field_index("metrics"), batch.schema.field("metrics"), metrics)
    states, out = operator.process(pa.RecordBatch.from_pylist([{}], schema=operator.state_schema), batch)
    assert out.column("_error")[0].as_py()["code"] == "nan"
    assert states.to_pylist() == [dict.fromkeys(operator.state_schema.names)]


def test_devices_side_by_side_get_the_same_bits(operator: DetectTogether) -> None:
    model, values = operator.model, np.random.default_rng(1).normal(40, 10, size=(50, 4))
    together = model.step(values, np.zeros((50, model.state_width)))
    for row in range(50):
        alone = model.step(values[row : row + 1], np.zeros((1, model.state_width)))
        np.testing.assert_array_equal(alone.states[0], together.states[row])
        assert alone.score[0] == together.score[row]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"metrics": 5}\n', r"rows\.jsonl:1: expected metrics to be an object of numbers, got int"),
        ('{"metrics": {"a": "hot"}}\n', r"rows\.jsonl:1: expected numbers in metrics, got a text"),
        ('{"a": 1}\n', r"rows\.jsonl:1: expected a JSON object with metrics, got a"),
        ('{"metrics": {"a": 1}}\n' * 3, r"expected at least 50 normal readings, got 3"),
        ('{"metrics": {"a": 1}}\n' * 60, r"expected two metrics that vary, got none"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadFile, match=said):
        read_readings(path)


def test_tables_are_read_like_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("event_time,a,b,c\n" + "".join(f"x,{i},{i % 7},1\n" for i in range(60)), encoding="utf-8")
    found = read_readings(path)
    assert (found.metrics, found.rows) == (("a", "b"), 60)
    assert "left out, for they have one value: c" in found.warnings[0]
