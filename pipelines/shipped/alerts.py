"""The pipeline `alerts`: what of all that somebody should know now.

Its four sources are read side by side without a merge, so an alert is written the moment its event is understood. A
rule reads one topic, and memory belongs to a topic's partition; so an alert's history is a function of one log, and no
engine can give another.
"""

from __future__ import annotations

from collections.abc import Sequence

from operators.alert_rule import AlertRule
from operators.default_alert_rules import DEFAULT_ALERT_RULES
from operators.raise_alerts import RaiseAlerts
from pipelines.pipeline import Pipeline
from schemas.alerts import ALERTS
from schemas.alerts_by_site import ALERTS_BY_DEVICE
from schemas.catalog import ENRICHED


def alerts(rules: Sequence[AlertRule] = DEFAULT_ALERT_RULES) -> Pipeline:
    """Return the pipeline from the four enriched topics to alerts, and once more by device for `sites`."""
    return Pipeline("alerts", ENRICHED, [RaiseAlerts(tuple(rules))], [ALERTS, ALERTS_BY_DEVICE])
