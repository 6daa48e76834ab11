"""Alerts: one row for each change of an alert, in the words of Alertmanager and X.733."""

from __future__ import annotations

import pyarrow as pa

from schemas.severity import SEVERITIES
from schemas.topic import DEVICE_ID, EVENT_TIME, ORIGIN, TIMESTAMP, Topic, column

ALERT_STATES = ("pending", "firing", "resolved")

# Why an alert says what it says: one event, and what in it counted.
EVIDENCE = pa.struct(
    [
        pa.field("event_id", pa.string()),  # of the input event, before it was enriched
        pa.field("kind", pa.string()),  # log, message, alarm, telemetry, forecast or silence
        *ORIGIN,
        pa.field("event_time", TIMESTAMP),
        pa.field("text", pa.string()),  # the line, message or alarm; null for a reading
        pa.field("words", pa.list_(pa.string())),  # the words that carried the label
        pa.field("template", pa.string()),
        pa.field("template_id", pa.string()),
        pa.field("label", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("metric", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("expected_low", pa.float64()),
        pa.field("expected_high", pa.float64()),
        pa.field("model", pa.string()),
        pa.field("traceparent", pa.string()),  # the W3C trace context that the event came with
    ]
)

ALERT = pa.schema(
    [
        column(
            "fingerprint", pa.string(), "what the alert is about: hash of its identity labels; the key", required=True
        ),
        column(
            "alert_id", pa.string(), "one episode: hash of the fingerprint and the event that opened it", required=True
        ),
        column("revision", pa.int64(), "counts the changes of this fingerprint, from 1", required=True),
        DEVICE_ID,
        EVENT_TIME,
        column("rule", pa.string(), "name of the rule that raised it (Alertmanager's alertname)", required=True),
        column("state", pa.string(), "where it stands", required=True, values=ALERT_STATES),
        column(
            "severity",
            pa.string(),
            "highest perceived severity of its evidence, X.733",
            required=True,
            values=SEVERITIES,
        ),
        column("category", pa.string(), "what kind of trouble: power, network, thermal, ...; a message's topic"),
        column("probable_cause", pa.string(), "X.733 probable cause where it is known"),
        column("summary", pa.string(), "one sentence for a person", required=True),
        column("labels", pa.map_(pa.string(), pa.string()), "identity labels, as Alertmanager's", required=True),
        column("annotations", pa.map_(pa.string(), pa.string()), "description, runbook_url and the like"),
        column("opened_at", TIMESTAMP, "event time of the first evidence", required=True),
        column("fired_at", TIMESTAMP, "event time at which it fired; null before, and for one that never did"),
        column("updated_at", TIMESTAMP, "event time of the last evidence", required=True),
        column(
            "acknowledged_at",
            TIMESTAMP,
            "when somebody took it over; null in the topic: acts are in alerts.actions, joined by who shows alerts",
        ),
        column("resolved_at", TIMESTAMP, "when it ended; null while it lasts"),
        column("resolved_by", pa.string(), "what ended it", values=("clear", "quiet", "merged", "evicted")),
        column("duration_s", pa.float64(), "seconds from opening to resolution; null while it lasts"),
        column("count", pa.int64(), "events that support it", required=True),
        column(
            "evidence",
            pa.list_(EVIDENCE),
            "the events that support it: the first ones and the last ones",
            required=True,
        ),
    ]
)
ALERTS = Topic(
    "alerts",
    ALERT,
    "alerts and their changes; the last record of a fingerprint is its state",
    key="fingerprint",
    compacted=True,
)
