"""What is answered of a whole sequence of events, and of a device's metrics read together."""

from __future__ import annotations

import pyarrow as pa

# One event of a sequence that is `missing`, `extra` or `misplaced` beside the most similar normal sequence; `at` is its
# place in the sequence, from 0 (a missing one is missing before the event at this place).
REASON = pa.struct([pa.field("kind", pa.string()), pa.field("event", pa.string()), pa.field("at", pa.int64())])
# How odd a sequence is: `score` in [0, 1], six decimals; `because` is empty unless `is_anomaly`.
SEQUENCE_ANOMALY = pa.struct(
    [
        pa.field("score", pa.float64()),
        pa.field("is_anomaly", pa.bool_()),
        pa.field("because", pa.list_(REASON)),
        pa.field("model", pa.string()),
    ]
)
