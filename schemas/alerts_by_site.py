"""Alerts on their way to incidents: by device as they were raised, then by site with their device's place."""

from __future__ import annotations

import pyarrow as pa

from schemas.alerts import ALERT, ALERT_STATES, EVIDENCE
from schemas.severity import SEVERITIES
from schemas.topic import DEVICE_ID, EVENT_TIME, TIMESTAMP, Topic, column

ALERTS_BY_DEVICE = Topic(
    "alerts.by_device", ALERT, "every change of an alert once more, in the order of its device", internal=True
)

# One row is either a change of an alert (`alert_id` is set) or a line of the registry (`valid_from` is set).
SITE_ALERT = pa.schema(
    [
        column("site", pa.string(), "the device's site at that time, its own id where none is known", required=True),
        DEVICE_ID,
        EVENT_TIME,
        column("room", pa.string(), "where in the site"),
        column("type", pa.string(), "what kind of device it is"),
        column("upstream_device_id", pa.string(), "the device that it needs"),
        column("language", pa.string(), "language of the site's people, BCP 47"),
        column("valid_from", TIMESTAMP, "of a line of the registry: from when on it holds"),
        column("alert_id", pa.string(), "one episode of one alert"),
        column("revision", pa.int64(), "counts the changes of the alert's fingerprint"),
        column("rule", pa.string(), "name of the rule that raised it"),
        column("state", pa.string(), "where it stands", values=ALERT_STATES),
        column("severity", pa.string(), "highest perceived severity of its evidence, X.733", values=SEVERITIES),
        column("category", pa.string(), "what kind of trouble"),
        column("opened_at", TIMESTAMP, "event time of the first evidence"),
        column("fired_at", TIMESTAMP, "event time at which it fired"),
        column("updated_at", TIMESTAMP, "event time of the last evidence"),
        column("resolved_at", TIMESTAMP, "when it ended"),
        column("resolved_by", pa.string(), "what ended it"),
        column("count", pa.int64(), "events that support it"),
        column("summary", pa.string(), "one sentence for a person"),
        column("evidence", pa.list_(EVIDENCE), "the events that support it"),
    ]
)
ALERTS_BY_SITE = Topic(
    "alerts.by_site",
    SITE_ALERT,
    "changes of alerts and of the registry, in the order of their site",
    key="site",
    internal=True,
)
