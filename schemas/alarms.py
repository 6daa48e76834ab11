"""Alarms: one row for each alarm that a device or a management system raised or cleared."""

from __future__ import annotations

import pyarrow as pa

from schemas.severity import SEVERITIES
from schemas.topic import DEVICE_ID, EVENT_TIME, Topic, column

ALARM = pa.schema(
    [
        DEVICE_ID,
        EVENT_TIME,
        column("code", pa.string(), "the sender's own code", example="E-21"),
        column("text", pa.string(), "the sender's own words", example="High discharge pressure"),
        column("perceived_severity", pa.string(), "as the sender perceives it, X.733", values=SEVERITIES),
        column("state", pa.string(), "whether it begins or ends", values=("raise", "clear")),
    ]
)
ALARMS = Topic("alarms", ALARM, "alarms that devices and management systems raise and clear")
