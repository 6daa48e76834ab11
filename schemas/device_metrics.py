"""Device metrics: one row for each moment at which a device's metrics were read together."""

from __future__ import annotations

import pyarrow as pa

from schemas.topic import DEVICE_ID, EVENT_TIME, Topic, column

METRICS = pa.map_(pa.string(), pa.float64())
DEVICE_METRIC = pa.schema(
    [DEVICE_ID, EVENT_TIME, column("metrics", METRICS, "the readings by name", example='{"flow": 3.2, "current": 1.1}')]
)
DEVICE_METRICS = Topic("device.metrics", DEVICE_METRIC, "metrics of a device read together, one moment a row")
