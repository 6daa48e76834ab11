"""Silences of logs: a kind of line that came regularly and did not come, and that it is back."""

from __future__ import annotations

import pyarrow as pa

from schemas.answers import INPUT
from schemas.topic import DEVICE_ID, EVENT_TIME, TIMESTAMP, Topic, column

SILENT, BACK = "silent", "back"
SILENCE_LABELS = (SILENT, BACK)

LOG_SILENCE = pa.schema(
    [
        DEVICE_ID,
        EVENT_TIME,
        column("template_id", pa.string(), "the kind of line", required=True),
        column("template", pa.string(), "the kind of line, `<*>` for what varies", example="heartbeat <*> sent"),
        column("last_seen", TIMESTAMP, "when the last such line before this was written", required=True),
        column("usual_s", pa.float64(), "seconds from one such line to the next, usually", required=True),
        column(
            "hubbub",
            pa.struct([pa.field("input", INPUT), pa.field("silence", pa.struct([pa.field("label", pa.string())]))]),
            "whether these lines are `silent` or `back`, and the last of them",
            required=True,
        ),
    ]
)
DEVICE_LOG_SILENCES = Topic(
    "device.log_silences", LOG_SILENCE, "regular kinds of log lines that stay away, and that come back"
)
