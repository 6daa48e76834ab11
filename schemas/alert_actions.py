"""Alert actions: one row for each thing that a person did to an alert. They change none; who shows it joins them."""

from __future__ import annotations

import pyarrow as pa

from schemas.alert_feedback import VERDICTS
from schemas.topic import EVENT_TIME, Topic, column

ALERT_ACTIONS = ("acknowledge", "unacknowledge", "comment", *VERDICTS)

ALERT_ACTION = pa.schema(
    [
        column("fingerprint", pa.string(), "the alert's fingerprint; the key", required=True),
        EVENT_TIME,
        column("action", pa.string(), "what was done", required=True, values=ALERT_ACTIONS),
        column(
            "alert_id",
            pa.string(),
            "the episode that it was done to; null: the one that was open at that time",
        ),
        column("by", pa.string(), "who did it", required=True, example="ann"),
        column("text", pa.string(), "in that person's words"),
        column("should_be", pa.string(), "of a verdict: the label that would have been right"),
    ]
)
ALERTS_ACTIONS = Topic("alerts.actions", ALERT_ACTION, "what people did to alerts", key="fingerprint")
