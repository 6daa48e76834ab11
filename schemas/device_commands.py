"""Device commands: one row for each thing that a device is asked to do."""

from __future__ import annotations

import pyarrow as pa

from schemas.topic import DEVICE_ID, EVENT_TIME, Topic, column

COMMAND = pa.schema(
    [
        DEVICE_ID,
        EVENT_TIME,
        column("intent", pa.string(), "Home Assistant's name of what is asked", required=True, example="HassTurnOn"),
        column("slots", pa.map_(pa.string(), pa.string()), "what it is asked of, by Home Assistant's slot names"),
        column("score", pa.float64(), "how sure the model is, in [0, 1]"),
        column("model", pa.string(), "name, version and digest of the model that understood it"),
    ]
)
DEVICE_COMMANDS = Topic("device.commands", COMMAND, "what devices are asked to do")
