"""Notifications: one row for each step in the life of something that was told to somebody."""

from __future__ import annotations

import pyarrow as pa

from schemas.topic import EVENT_TIME, Topic, column

NOTIFICATION_STATES = ("decided", "failed", "delivered", "given_up")

NOTIFICATION = pa.schema(
    [
        column("id", pa.string(), "the notification's idempotency key; the key", required=True),
        EVENT_TIME,
        column("receiver", pa.string(), "who is told", required=True),
        column("state", pa.string(), "what has become of it", required=True, values=NOTIFICATION_STATES),
        column(
            "reason",
            pa.string(),
            "why it is told",
            required=True,
            values=("firing", "resolved", "repeat", "escalation", "digest"),
        ),
        column("title", pa.string(), "its first line", required=True),
        column("alerts", pa.int64(), "how many alerts it is about", required=True),
        column("tries", pa.int64(), "how often it has been sent"),
        column("error", pa.string(), "why the last try failed"),
    ]
)
# One partition: who owns it is the notifier, and its memory lies there.
NOTIFICATIONS = Topic(
    "alerts.notifications", NOTIFICATION, "what was told to whom, and what failed", key="id", partitions=1
)
