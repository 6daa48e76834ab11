"""Customer messages: one row for each message that a person sent about a device."""

from __future__ import annotations

import pyarrow as pa

from schemas.topic import DEVICE_ID, EVENT_TIME, Topic, column

CUSTOMER_MESSAGE = pa.schema(
    [
        DEVICE_ID,
        EVENT_TIME,
        column("text", pa.string(), "what the person wrote or said", example="The lock has been beeping since noon"),
        column("language", pa.string(), "BCP 47 tag where the channel knows it, else null", example="en"),
        column("channel", pa.string(), "where it was said", example="app"),
        column("conversation", pa.string(), "what it is an answer in"),
    ]
)
CUSTOMER_MESSAGES = Topic("customer.messages", CUSTOMER_MESSAGE, "what people say about devices, English and Chinese")
