"""Feedback: one row for each episode of an alert that a person judged, complete enough to learn from years later."""

from __future__ import annotations

import pyarrow as pa

from schemas.alerts import EVIDENCE
from schemas.severity import SEVERITIES
from schemas.topic import EVENT_TIME, TIMESTAMP, Topic, column

VERDICTS = ("wrong", "right")

FEEDBACK = pa.schema(
    [
        column("alert_id", pa.string(), "the episode that was judged; the key", required=True),
        EVENT_TIME,
        column("fingerprint", pa.string(), "the alert's fingerprint", required=True),
        column("verdict", pa.string(), "what the person says of it", required=True, values=VERDICTS),
        column("should_be", pa.string(), "the label that would have been right", example="normal"),
        column("by", pa.string(), "who judged", required=True, example="ann"),
        column("text", pa.string(), "why, in that person's words"),
        column("device_id", pa.string(), "the device of the alert", required=True),
        column("rule", pa.string(), "the rule that raised it", required=True),
        column("severity", pa.string(), "how bad it said it was", required=True, values=SEVERITIES),
        column("category", pa.string(), "what kind of trouble it said it was"),
        column("summary", pa.string(), "its sentence"),
        column("opened_at", TIMESTAMP, "event time of its first evidence", required=True),
        column("updated_at", TIMESTAMP, "event time of its last evidence", required=True),
        column("resolved_at", TIMESTAMP, "when it had ended; null if it lasted still when it was judged"),
        column("count", pa.int64(), "events that supported it"),
        column("evidence", pa.list_(EVIDENCE), "the events that supported it: the first ones and the last ones"),
    ]
)
# Compacted: the last verdict on an episode holds, and is kept when the events themselves are long gone.
ALERTS_FEEDBACK = Topic(
    "alerts.feedback",
    FEEDBACK,
    "what people say of alerts, to learn from: right, wrong, and what would have been right",
    key="alert_id",
    compacted=True,
)
