"""The pipeline `forecast_alerts`: likely failures as alerts, beside those of what has happened already.

They are raised by the same operator from the same rules, but not by the pipeline `alerts`: that is there without
forecasts, and its alerts become incidents, which are about what was seen.
"""

from __future__ import annotations

from collections.abc import Sequence

from operators.alert_rule import AlertRule
from operators.default_alert_rules import DEFAULT_ALERT_RULES
from operators.raise_alerts import RaiseAlerts
from pipelines.pipeline import Pipeline
from schemas.alerts import ALERTS
from schemas.device_forecasts import DEVICE_FORECASTS


def forecast_alerts(rules: Sequence[AlertRule] = DEFAULT_ALERT_RULES) -> Pipeline:
    """Return the pipeline from device.forecasts to alerts, by the rules whose source is a forecast."""
    own = tuple(rule for rule in rules if rule.source == "forecast")
    return Pipeline("forecast_alerts", [DEVICE_FORECASTS], [RaiseAlerts(own)], [ALERTS])
