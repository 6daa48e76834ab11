"""Signals: what of a device's readings, lines and alarms is worth remembering, on its way to forecasts."""

from __future__ import annotations

import pyarrow as pa

from schemas.answers import INPUT
from schemas.topic import DEVICE_ID, EVENT_TIME, Topic, column

SIGNAL_KINDS = (
    "anomaly",
    "novel_line",
    "abnormal_line",
    "warning_line",
    "error_line",
    "minor_alarm",
    "major_alarm",
)

SIGNAL = pa.schema(
    [
        DEVICE_ID,
        EVENT_TIME,
        column("kinds", pa.list_(pa.string()), "what it is, one of SIGNAL_KINDS or several", required=True),
        column("what", pa.string(), "the metric, the line's template id, or the alarm's code"),
        column("cleared", pa.bool_(), "whether an alarm ends by it", required=True),
        column("input", INPUT, "the event that it was seen in", required=True),
    ]
)
DEVICE_SIGNALS = Topic(
    "device.signals", SIGNAL, "notable events of every kind, in the order of their device", internal=True
)
