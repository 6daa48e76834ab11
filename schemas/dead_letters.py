"""Dead letters: what could not be processed, bytes and headers as they came, with the reason in further headers."""

from __future__ import annotations

import pyarrow as pa

from schemas.topic import Topic

# Why a record became a dead letter; a closed list, so that a dashboard can count by it.
REASONS = (
    "bad_json", "bad_utf8", "schema", "too_large", "bomb", "nan", "unknown_device",
    "infer_error", "infer_timeout", "crash_loop", "sink_reject", "clock",
)  # fmt: skip
# Where it failed, in the words of Kafka Connect's dead-letter viewers.
STAGES = ("DECODE", "SCHEMA", "KEY", "FEATURES", "INFER", "STATE", "SERIALIZE", "SINK")
# Header of an original record that a person sent again: the place of the dead letter that it was.
REPLAYED_FROM = "dlq.replayed_from"

DEAD_LETTERS = Topic(
    "dead.letters", pa.schema([]), "what could not be processed: the original bytes and headers, and why", content="raw"
)
