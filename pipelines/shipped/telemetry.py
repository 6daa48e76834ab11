"""The pipeline `telemetry`: how odd a reading is for its device and metric."""

from __future__ import annotations

from models.telemetry_model import READINGS_A_MONTH, TelemetryModel
from operators.collect_answers import CollectAnswers
from operators.detect_anomalies import DetectAnomalies
from operators.operator import KeyedOperator, Operator
from pipelines.pipeline import Pipeline
from schemas.answers import DEVICE_TELEMETRY_ENRICHED
from schemas.device_telemetry import DEVICE_TELEMETRY


def telemetry_operators(
    model: TelemetryModel, false_alarms_per_month: float = 1.0
) -> tuple[Operator | KeyedOperator, ...]:
    """Return what is asked of each reading; the false alarms are those of a series that is read once a minute."""
    return (DetectAnomalies(model, alarm_probability=false_alarms_per_month / READINGS_A_MONTH),)


def telemetry(model: TelemetryModel, false_alarms_per_month: float = 1.0) -> Pipeline:
    """Return the pipeline from device.telemetry to device.telemetry.enriched."""
    return Pipeline(
        "telemetry",
        [DEVICE_TELEMETRY],
        [*telemetry_operators(model, false_alarms_per_month), CollectAnswers(DEVICE_TELEMETRY_ENRICHED)],
        [DEVICE_TELEMETRY_ENRICHED],
    )
