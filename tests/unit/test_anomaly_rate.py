"""The rate of false alarms that was asked for stands in the answer, where it is not one a month."""

from __future__ import annotations

import pyarrow as pa
import pytest

from models.telemetry_model import TelemetryModel
from operators.detect_anomalies import DetectAnomalies
from schemas.topic import TIMESTAMP

MODEL = TelemetryModel.named()
READING = pa.RecordBatch.from_pydict(
    {
        "device_id": pa.array(["d1"]),
        "event_time": pa.array([1_790_000_000_000_000]).cast(TIMESTAMP),
        "metric": pa.array(["temp"]),
        "value": pa.array([20.0]),
        "watermark": pa.array([None], TIMESTAMP),
    }
)


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (1.0, ""),
        (0.1, "?false_alarms_per_month=0.1"),
        (30.0, "?false_alarms_per_month=30"),
        (1e-6 * 43_200, "?false_alarms_per_month=0.0432"),
        (1.0 + 1e-7, "?false_alarms_per_month=1.0000001"),
    ],
)
def test_an_answer_says_the_rate_that_is_not_one_a_month(rate: float, said: str) -> None:
    detect = DetectAnomalies(MODEL, alarm_probability=rate / 43_200)
    none = pa.RecordBatch.from_pylist([dict.fromkeys(detect.state_schema.names)], schema=detect.state_schema)
    _, out = detect.process(none, READING)
    assert out.column("anomaly")[0]["model"].as_py() == MODEL.identity + said
