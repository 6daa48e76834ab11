"""The pipelines `log_silences` and `log_silence_alerts`: kinds of log lines that came regularly and stay away."""

from __future__ import annotations

from collections.abc import Sequence

from operators.alert_rule import AlertRule
from operators.default_alert_rules import DEFAULT_ALERT_RULES
from operators.raise_alerts import RaiseAlerts
from operators.report_log_silences import ReportLogSilences
from pipelines.pipeline import Pipeline
from schemas.alerts import ALERTS
from schemas.answers import DEVICE_LOGS_ENRICHED
from schemas.log_silences import DEVICE_LOG_SILENCES


def log_silences() -> Pipeline:
    """Return the pipeline from device.logs.enriched to device.log_silences."""
    return Pipeline("log_silences", [DEVICE_LOGS_ENRICHED], [ReportLogSilences()], [DEVICE_LOG_SILENCES])


def log_silence_alerts(rules: Sequence[AlertRule] | None = None) -> Pipeline:
    """Return the pipeline from device.log_silences to alerts, by the rules whose source is a silence."""
    own = tuple(rule for rule in (DEFAULT_ALERT_RULES if rules is None else rules) if rule.source == "silence")
    return Pipeline("log_silence_alerts", [DEVICE_LOG_SILENCES], [RaiseAlerts(own)], [ALERTS])
