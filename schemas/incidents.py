"""Incidents: what belongs together, as the one thing that a person deals with."""

from __future__ import annotations

import pyarrow as pa

from schemas.severity import SEVERITIES
from schemas.topic import EVENT_TIME, TIMESTAMP, Topic, column

INCIDENT_STATES = ("open", "updated", "resolved")

# One thing that was seen: the event itself is where its id says.
TIMELINE_ENTRY = pa.struct(
    [
        pa.field("event_id", pa.string()),  # of the input event
        pa.field("event_time", TIMESTAMP),
        pa.field("device_id", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("alert_id", pa.string()),
        pa.field("severity", pa.string()),
        pa.field("text", pa.string()),
    ]
)

INCIDENT = pa.schema(
    [
        column("incident_id", pa.string(), "hash of the site and the alert that came first; the key", required=True),
        column("revision", pa.int64(), "counts its changes, from 1; the highest is what holds", required=True),
        column("site", pa.string(), "where", required=True),
        EVENT_TIME,
        column("state", pa.string(), "where it stands", required=True, values=INCIDENT_STATES),
        column(
            "severity",
            pa.string(),
            "the worst of its evidence, raised by how many devices it touches; X.733",
            required=True,
            values=SEVERITIES,
        ),
        column(
            "probable_cause_device_id",
            pa.string(),
            "upstream of the others, else the first that showed anything",
            required=True,
        ),
        column(
            "probable_cause",
            pa.string(),
            "what that device showed first, and why it is taken for the cause",
            required=True,
        ),
        column("summary", pa.string(), "one paragraph for a person, from the evidence", required=True),
        column("language", pa.string(), "language of the summary, BCP 47", required=True),
        column("category", pa.string(), "what kind of trouble most of the evidence says"),
        column("devices", pa.list_(pa.string()), "devices that it touches, the first ones first", required=True),
        column("device_count", pa.int64(), "how many devices it touches, listed or not", required=True),
        column(
            "evidence_kinds",
            pa.list_(pa.string()),
            "log, message, alarm, telemetry: the first seen first",
            required=True,
        ),
        column("alert_ids", pa.list_(pa.string()), "its alerts, the first ones first", required=True),
        column("alert_count", pa.int64(), "how many alerts, listed or not", required=True),
        column("event_count", pa.int64(), "how many events support its alerts", required=True),
        column("started_at", TIMESTAMP, "event time of the first evidence", required=True),
        column("opened_at", TIMESTAMP, "event time at which the evidence was enough", required=True),
        column("updated_at", TIMESTAMP, "event time of the last evidence", required=True),
        column("resolved_at", TIMESTAMP, "when it ended; null while it lasts"),
        column("duration_s", pa.float64(), "seconds from the first evidence to the end; null while it lasts"),
        column(
            "timeline",
            pa.list_(TIMELINE_ENTRY),
            "what was seen, in order: the first things and the last ones",
            required=True,
        ),
        column("probable_cause_type", pa.string(), "what kind of device the probable cause is, by the registry"),
        column("hanging_count", pa.int64(), "how many of its devices hang on the probable cause"),
        column("evidence_counts", pa.list_(pa.int64()), "alerts of each of `evidence_kinds`"),
    ]
)
INCIDENTS = Topic(
    "incidents",
    INCIDENT,
    "incidents and their changes; the last record of one is its state",
    key="incident_id",
    compacted=True,
)
