"""Device logs: one row for each line that a device wrote about itself."""

from __future__ import annotations

import pyarrow as pa

from schemas.severity import SEVERITIES
from schemas.topic import DEVICE_ID, EVENT_TIME, Topic, column

DEVICE_LOG = pa.schema(
    [
        DEVICE_ID,
        EVENT_TIME,
        column(
            "message", pa.string(), "the line without time stamp, host and component", example="link down on port 4"
        ),
        column("severity", pa.string(), "how bad the device itself calls it, X.733", values=SEVERITIES),
        column("severity_text", pa.string(), "the severity in the device's own word", example="WARN"),
        column("component", pa.string(), "program, unit or logger that wrote it", example="dhcpd"),
        column("process_id", pa.string(), "process or thread as the line names it"),
        column("metrics", pa.map_(pa.string(), pa.float64()), "numbers that came with the line, by name"),
    ]
)
DEVICE_LOGS = Topic("device.logs", DEVICE_LOG, "what devices write about themselves, one event a line")
