"""The pipeline `telemetry`: how odd a reading is for its device and metric."""

from __future__ import annotations

from models.telemetry_model import TelemetryModel
from operators.collect_answers import CollectAnswers
from operators.detect_anomalies import DetectAnomalies
from operators.operator import KeyedOperator, Operator
from pipelines.pipeline import Pipeline
from schemas.answers import DEVICE_TELEMETRY_ENRICHED
from schemas.device_telemetry import DEVICE_TELEMETRY


def telemetry_operators(model: TelemetryModel) -> tuple[Operator | KeyedOperator, ...]:
    """Return what is asked of each reading."""
    return (DetectAnomalies(model),)


def telemetry(model: TelemetryModel) -> Pipeline:
    """Return the pipeline from device.telemetry to device.telemetry.enriched."""
    return Pipeline(
        "telemetry",
        [DEVICE_TELEMETRY],
        [*telemetry_operators(model), CollectAnswers(DEVICE_TELEMETRY_ENRICHED)],
        [DEVICE_TELEMETRY_ENRICHED],
    )
