"""The pipeline `log_silences`: kinds of log lines that came regularly and stay away."""

from __future__ import annotations

from operators.report_log_silences import ReportLogSilences
from pipelines.pipeline import Pipeline
from schemas.answers import DEVICE_LOGS_ENRICHED
from schemas.log_silences import DEVICE_LOG_SILENCES


def log_silences() -> Pipeline:
    """Return the pipeline from device.logs.enriched to device.log_silences."""
    return Pipeline("log_silences", [DEVICE_LOGS_ENRICHED], [ReportLogSilences()], [DEVICE_LOG_SILENCES])
