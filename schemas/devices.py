"""Devices: where each one stands and what it hangs on, from when on; a table, looked up as of an event's time."""

from __future__ import annotations

import pyarrow as pa

from schemas.topic import DEVICE_ID, TIMESTAMP, Topic, column

DEVICE = pa.schema(
    [
        DEVICE_ID,
        column("valid_from", TIMESTAMP, "from when on this holds, RFC 3339 with zone", required=True),
        column("site", pa.string(), "the building, plant or shop that it belongs to; null: to none any more"),
        column("room", pa.string(), "where in the site; devices of one room are neighbours"),
        column("type", pa.string(), "what kind of device it is", example="freezer"),
        column("upstream_device_id", pa.string(), "the device that it needs to work or to reach the world"),
        column("language", pa.string(), "language of the site's people, BCP 47", example="zh-CN"),
    ]
)
DEVICES = Topic(
    "devices", DEVICE, "the device registry: each row says where a device stands from then on", event_time="valid_from"
)
