"""The alert rules that hold without configuration: few, sensible, and slow to cry wolf."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from operators.alert_rule import AlertRule, SeverityFrom
from operators.condition import Condition

MINUTE: Final = 60.0
HOUR: Final = 3600.0
DAY: Final = 86_400.0

# A person in danger, or without the thing they depend on, about something that a device does. Questions, orders, bills
# and praise raise nothing, however urgent they sound.
MESSAGE_URGENT: Final = AlertRule(
    name="message_urgent",
    source="message",
    description="A customer reports a danger or a failure that cannot wait.",
    when=(
        Condition("hubbub.urgency.label", "in", ("critical", "high")),
        Condition("hubbub.urgency.score", ">=", 0.5),
        Condition(
            "hubbub.topic.label",
            "in",
            ("device_fault", "connectivity", "power_battery", "safety_hazard", "service_request", "privacy_security"),
        ),
    ),
    severity=SeverityFrom(("hubbub.urgency.label",), "major", (("critical", "critical"), ("high", "major"))),
    category="hubbub.topic.label",
    answer="hubbub.urgency",
    resolve_after_s=12 * HOUR,
    summary='{device_id}: urgent message about {category}: "{text}"',
)

# One grumble is a person's day; three about one device within a day are the device's.
CUSTOMER_UNHAPPY: Final = AlertRule(
    name="customer_unhappy",
    source="message",
    description="Customers complain about one device again and again.",
    when=(
        Condition("hubbub.sentiment.label", "==", "negative"),
        Condition("hubbub.sentiment.score", ">=", 0.6),
    ),
    severity="warning",
    category="hubbub.topic.label",
    answer="hubbub.sentiment",
    count=3,
    within_s=DAY,
    resolve_after_s=DAY,
    summary='{device_id}: {counted} of complaint since {since}, the last: "{text}"',
)

_LOG_SEVERITY: Final = SeverityFrom(
    ("severity",), "warning", (("critical", "critical"), ("major", "major"), ("minor", "minor"), ("warning", "warning"))
)
_ABNORMAL: Final = (
    Condition("hubbub.abnormal.label", "==", "true"),
    Condition("hubbub.category.label", "!=", "normal"),
)

# Single odd lines are everywhere; three of one category within ten minutes are a condition. A line's own level does
# not decide: devices report failures as "info" every day.
LOG_ABNORMAL: Final = AlertRule(
    name="log_abnormal",
    source="log",
    description="A device writes abnormal log lines of one category, several within ten minutes.",
    when=(
        *_ABNORMAL,
        Condition("hubbub.abnormal.score", ">=", 0.8),
        # What a device itself calls routine, is: in the demo's house this spares 23 false alerts a day.
        Condition("severity", "not in", ("indeterminate", "cleared")),
    ),
    severity=_LOG_SEVERITY,
    labels=(("category", "hubbub.category.label"),),
    category="hubbub.category.label",
    count=3,
    within_s=10 * MINUTE,
    resolve_after_s=30 * MINUTE,
    summary='{device_id}: {counted} of {category} trouble since {since}, the last: "{text}"',
)

# A line of a kind never seen is news at once, where the model is sure and the device itself does not call it routine.
LOG_NOVEL: Final = AlertRule(
    name="log_novel",
    source="log",
    description="A device writes an abnormal log line of a kind that was not seen before.",
    when=(
        *_ABNORMAL,
        Condition("hubbub.abnormal.score", ">=", 0.9),
        Condition("hubbub.novelty_kind", "==", "new"),
        Condition("hubbub.novelty", ">=", 0.9),
        Condition("severity", "not in", ("indeterminate", "cleared")),
    ),
    severity=_LOG_SEVERITY,
    labels=(("category", "hubbub.category.label"),),
    category="hubbub.category.label",
    resolve_after_s=HOUR,
    summary='{device_id}: a {category} line never seen before: "{text}"',
)

# A flood of one line is trouble whatever it says: ten times what four standard deviations let expect of a minute.
LOG_BURST: Final = AlertRule(
    name="log_burst",
    source="log",
    description="A device writes one kind of line far more often than it ever did.",
    when=(
        Condition("hubbub.novelty_kind", "==", "burst"),
        Condition("hubbub.novelty", ">=", 0.9),
    ),
    severity="warning",
    labels=(("template_id", "hubbub.template_id"),),
    category="hubbub.category.label",
    resolve_after_s=30 * MINUTE,
    summary='{device_id}: a flood of one line since {since}: "{text}"',
)

# What a device or a management system calls an alarm is one, until it says otherwise. Many never clear: a week without
# a word ends it.
DEVICE_ALARM: Final = AlertRule(
    name="device_alarm",
    source="alarm",
    description="A device or a management system raised an alarm.",
    when=(
        Condition("state", "!=", "clear"),
        Condition("perceived_severity", "!=", "cleared"),
    ),
    clears=(
        Condition("state", "==", "clear"),
        Condition("perceived_severity", "==", "cleared"),
    ),
    severity=SeverityFrom(("perceived_severity", "hubbub.severity.label"), "indeterminate"),
    labels=(("code", "code"),),
    category="hubbub.category.label",
    resolve_after_s=7 * DAY,
    summary="{device_id}: alarm {code}: {text}",
)

# One odd reading is a glitch of the sensor more often than of the thing.
TELEMETRY_ANOMALY: Final = AlertRule(
    name="telemetry_anomaly",
    source="telemetry",
    description="Readings of one metric are not what its own past lets expect.",
    when=(Condition("hubbub.anomaly.is_anomaly", "is true"),),
    severity="warning",
    labels=(("metric", "metric"),),
    count=2,
    within_s=15 * MINUTE,
    resolve_after_s=30 * MINUTE,
    summary="{device_id}: {metric} {value} is {judgement} ({counted} since {since})",
)

# The same of a number that came with a log line.
LOG_READING_ANOMALY: Final = replace(
    TELEMETRY_ANOMALY,
    name="log_reading_anomaly",
    source="log",
    description="Numbers that a device logs are not what their own past lets expect.",
    when=(Condition("hubbub.odd_reading.is_anomaly", "is true"),),
    labels=(("metric", "hubbub.odd_reading.metric"),),
    answer="hubbub.odd_reading",
)

# Of `hubbub run forecasts`: nothing has failed yet, so it is a warning, and it ends when the forecast does.
FAILURE_FORECAST: Final = AlertRule(
    name="failure_forecast",
    source="forecast",
    description="What a device showed lately makes a serious alarm likely.",
    when=(Condition("hubbub.forecast.label", "==", "likely"),),
    clears=(Condition("hubbub.forecast.label", "==", "unlikely"),),
    severity="warning",
    resolve_after_s=6 * HOUR,
    summary="{device_id}: a serious alarm is {label} soon: {words}",
)

# Of `hubbub run log_silences`.
LOG_SILENCE: Final = AlertRule(
    name="log_silence",
    source="silence",
    description="A kind of line that a device wrote regularly stays away.",
    when=(Condition("hubbub.silence.label", "==", "silent"),),
    clears=(Condition("hubbub.silence.label", "==", "back"),),
    severity="warning",
    labels=(("template_id", "template_id"),),
    resolve_after_s=DAY,
    summary='{device_id}: a regular line stays away since {since}: "{text}"',
)

DEFAULT_ALERT_RULES: Final = (
    MESSAGE_URGENT,
    CUSTOMER_UNHAPPY,
    LOG_ABNORMAL,
    LOG_NOVEL,
    LOG_BURST,
    DEVICE_ALARM,
    TELEMETRY_ANOMALY,
    LOG_READING_ANOMALY,
    FAILURE_FORECAST,
    LOG_SILENCE,
)
