"""Sessions: events of one device that belong together, cut by an id or by quiet time; and sequences as they come."""

from __future__ import annotations

import pyarrow as pa

from schemas.sequence_answers import SEQUENCE_ANOMALY
from schemas.topic import DEVICE_ID, EVENT_TIME, TIMESTAMP, Topic, column

EVENTS = column("events", pa.list_(pa.string()), "what happened, one id after the other", example='["E5", "E22"]')
CUTS = ("quiet", "full", "crowded")

SESSION = pa.schema(
    [
        DEVICE_ID,
        column("event_time", TIMESTAMP, "when the session was known to be over, RFC 3339 with zone", required=True),
        column("session", pa.string(), "the session's id; null where sessions are cut by quiet time alone"),
        column("started_at", TIMESTAMP, "event time of its earliest event", required=True),
        column("ended_at", TIMESTAMP, "event time of its latest event", required=True),
        column("cut", pa.string(), "why it ended: quiet, or full, or too many sessions at once", values=CUTS),
        EVENTS,
        column("anomaly", SEQUENCE_ANOMALY, "how odd the sequence is, and why; null without a model"),
    ]
)
DEVICE_SESSIONS = Topic("device.sessions", SESSION, "sessions of devices: sequences of events, and how odd they are")

# What `hubbub score sequences` reads.
SEQUENCES = Topic("event.sequences", pa.schema([DEVICE_ID, EVENT_TIME, EVENTS]), "sequences of events, one a row")
