"""Device telemetry: one row for each reading of one metric."""

from __future__ import annotations

import pyarrow as pa

from schemas.topic import DEVICE_ID, EVENT_TIME, Topic, column

READING = pa.schema(
    [
        DEVICE_ID,
        EVENT_TIME,
        column("metric", pa.string(), "what was measured", required=True, example="box_temp"),
        column("value", pa.float64(), "the reading; null where the device sent none", example="-18.4"),
        column("unit", pa.string(), "UCUM code of the unit", example="Cel"),
    ]
)
DEVICE_TELEMETRY = Topic("device.telemetry", READING, "readings of devices, one metric a row")
