"""The topics that hubbub knows, each declared once in its own file."""

from __future__ import annotations

from schemas.alarms import ALARMS
from schemas.alert_actions import ALERTS_ACTIONS
from schemas.alert_feedback import ALERTS_FEEDBACK
from schemas.alerts import ALERTS
from schemas.alerts_by_site import ALERTS_BY_DEVICE, ALERTS_BY_SITE
from schemas.answers import (
    ALARMS_ENRICHED,
    CUSTOMER_MESSAGES_ENRICHED,
    DEVICE_LOGS_ENRICHED,
    DEVICE_TELEMETRY_ENRICHED,
)
from schemas.customer_messages import CUSTOMER_MESSAGES
from schemas.dead_letters import DEAD_LETTERS
from schemas.device_commands import DEVICE_COMMANDS
from schemas.device_forecasts import DEVICE_FORECASTS
from schemas.device_logs import DEVICE_LOGS
from schemas.device_signals import DEVICE_SIGNALS
from schemas.device_telemetry import DEVICE_TELEMETRY
from schemas.devices import DEVICES
from schemas.incidents import INCIDENTS
from schemas.log_silences import DEVICE_LOG_SILENCES
from schemas.notifications import NOTIFICATIONS
from schemas.silences import SILENCES
from schemas.ticks import TICKS
from schemas.topic import Topic

INPUTS = (DEVICE_LOGS, CUSTOMER_MESSAGES, ALARMS, DEVICE_TELEMETRY)
ENRICHED = (DEVICE_LOGS_ENRICHED, CUSTOMER_MESSAGES_ENRICHED, ALARMS_ENRICHED, DEVICE_TELEMETRY_ENRICHED)
# Inputs that say how things are, not what happens: they are looked up as of an event's time.
TABLES = (DEVICES,)
OUTPUTS = (
    *(ALERTS, ALERTS_ACTIONS, ALERTS_FEEDBACK, INCIDENTS, DEVICE_FORECASTS, DEVICE_LOG_SILENCES),
    *(SILENCES, NOTIFICATIONS, DEVICE_COMMANDS, DEAD_LETTERS),
)
INTERNAL = (ALERTS_BY_DEVICE, ALERTS_BY_SITE, DEVICE_SIGNALS, TICKS)
TOPICS: dict[str, Topic] = {topic.name: topic for topic in (*INPUTS, *TABLES, *ENRICHED, *OUTPUTS, *INTERNAL)}


def is_table(name: str) -> bool:
    """Tell whether a topic says how things are: that is as true as on its first day, so retention leaves it alone."""
    return any(topic.name == name for topic in TABLES)


def topic_named(name: str) -> Topic:
    """Return the topic of this name; a KeyError names those that exist."""
    if name not in TOPICS:
        raise KeyError(f"expected one of the topics {', '.join(TOPICS)}, got {name!r}")
    return TOPICS[name]
