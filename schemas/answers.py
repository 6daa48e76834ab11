"""Answers: what hubbub adds to an event, always under the one key `hubbub` of an enriched event."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from schemas.alarms import ALARMS
from schemas.customer_messages import CUSTOMER_MESSAGES
from schemas.device_logs import DEVICE_LOGS
from schemas.device_telemetry import DEVICE_TELEMETRY
from schemas.topic import ORIGIN, Topic, column

# One label of a closed list. `score` is that label's probability in [0, 1], rounded to six decimals; `model` is the
# identity of what answered (name@version+digest); `words` are those that carried the label, weightiest first, null
# where nobody asked for them.
LABEL = pa.struct(
    [
        pa.field("label", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("model", pa.string()),
        pa.field("words", pa.list_(pa.string())),
    ]
)
# How odd one reading is: `score` in [0, 1]; the range in which the next reading was expected; what kind of oddness;
# `gap_s`, how many seconds its series was silent before it, where that is longer than usual, else null.
ANOMALY = pa.struct(
    [
        pa.field("score", pa.float64()),
        pa.field("is_anomaly", pa.bool_()),
        pa.field("expected_low", pa.float64()),
        pa.field("expected_high", pa.float64()),
        pa.field("kind", pa.string()),
        pa.field("model", pa.string()),
        pa.field("gap_s", pa.float64()),
    ]
)
# The same of a number that came with a log line.
LOG_READING = pa.struct([pa.field("metric", pa.string()), pa.field("value", pa.float64()), *ANOMALY])
LOG_READINGS = pa.list_(LOG_READING)
# The event that was enriched: its own id and where it lay.
INPUT = pa.struct([pa.field("event_id", pa.string()), *ORIGIN])

LOG_ANSWERS = (
    pa.field("template", pa.string()),
    pa.field("template_id", pa.string()),
    pa.field("parameters", pa.list_(pa.string())),
    pa.field("novelty", pa.float64()),
    pa.field("novelty_kind", pa.string()),
    pa.field("category", LABEL),
    pa.field("abnormal", LABEL),
    pa.field("readings", LOG_READINGS),
    pa.field("odd_reading", LOG_READING),
)
MESSAGE_ANSWERS = (
    pa.field("language", LABEL),
    pa.field("sentiment", LABEL),
    pa.field("topic", LABEL),
    pa.field("urgency", LABEL),
)
ALARM_ANSWERS = (pa.field("category", LABEL), pa.field("severity", LABEL))
TELEMETRY_ANSWERS = (pa.field("anomaly", ANOMALY),)


def enriched(topic: Topic, answers: Sequence[pa.Field]) -> Topic:
    """Return the topic `<topic>.enriched`: the same columns, then `hubbub` with the answers and the input's place."""
    hubbub = column(
        "hubbub",
        pa.struct([pa.field("input", INPUT), pa.field("late", pa.bool_()), *answers]),
        "what hubbub adds: the answers, and the event that they are about",
        required=True,
    )
    return Topic(
        name=f"{topic.name}.enriched",
        schema=pa.schema([*topic.schema, hubbub]),
        description=f"{topic.name}, understood",
        partitions=topic.partitions,
    )


DEVICE_LOGS_ENRICHED = enriched(DEVICE_LOGS, LOG_ANSWERS)
CUSTOMER_MESSAGES_ENRICHED = enriched(CUSTOMER_MESSAGES, MESSAGE_ANSWERS)
ALARMS_ENRICHED = enriched(ALARMS, ALARM_ANSWERS)
DEVICE_TELEMETRY_ENRICHED = enriched(DEVICE_TELEMETRY, TELEMETRY_ANSWERS)
