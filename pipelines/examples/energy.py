"""Energy of a site: each meter's usual week beside its readings, and an alert when it runs while nobody is there.

    hubbub run pipelines.examples.energy:energy pipelines.examples.energy:energy_alerts

The same detector as of any telemetry judges each reading for its series; the profile says what is usual at this hour.
"""

from __future__ import annotations

from typing import Final

from models.telemetry_model import TelemetryModel
from operators.alert_rule import AlertRule
from operators.collect_answers import CollectAnswers
from operators.condition import Condition
from operators.detect_anomalies import DetectAnomalies
from operators.expect_profile import ExpectProfile
from operators.raise_alerts import RaiseAlerts
from pipelines.pipeline import Pipeline
from schemas.alerts import ALERTS
from schemas.device_telemetry import DEVICE_TELEMETRY
from schemas.energy import SITE_ENERGY

# An hour of it is no forgotten lamp: something runs that should not.
ENERGY_WASTE: Final = AlertRule(
    name="energy_waste",
    source="telemetry",
    description="A meter reads more than is usual at night or on a weekend.",
    when=(Condition("hubbub.profile.is_waste", "is true"),),
    clears_otherwise=True,
    for_s=3600.0,
    keep_firing_for_s=1800.0,
    severity="warning",
    labels=(("metric", "metric"),),
    answer="hubbub.profile",
    summary="{device_id}: {metric} {value} is {judgement} since {since}: energy wasted ({label})",
)


def energy() -> Pipeline:
    """Return the pipeline from device.telemetry to site.energy: readings of `demand` beside their usual week."""
    operators = (DetectAnomalies(TelemetryModel.named()), ExpectProfile(), CollectAnswers(SITE_ENERGY))
    return Pipeline("energy", [DEVICE_TELEMETRY], operators, [SITE_ENERGY])


def energy_alerts() -> Pipeline:
    """Return the pipeline from site.energy to alerts."""
    return Pipeline("energy_alerts", [SITE_ENERGY], [RaiseAlerts((ENERGY_WASTE,))], [ALERTS])
