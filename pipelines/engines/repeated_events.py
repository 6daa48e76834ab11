"""Events that were delivered before: a producer that was not sure sends again, with the same id, and means one event.

A pipeline with memory takes each event of a key once, or a line sent three times would be three lines to a template's
count, and one id would be given to different answers. Remembered are, in the key's own record, the first 8 bytes of
the ids of its latest 32 events, until the watermark is a day past them: what comes again after more events or more
time counts again. A function of the log alone, like all memory. Pipelines without memory answer a repeat as they
answered the event, with the same id, so whoever reads it takes it once. A dead letter that a person sends again is no
repeat: it is sent because it was not understood.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from pipelines.engines.state_rows import StateRows
from schemas.dead_letters import REPLAYED_FROM
from schemas.microseconds import microseconds
from schemas.record import Record
from schemas.topic import Topic

ID_BYTES: Final = 8
MOST_BYTES: Final = 32 * ID_BYTES
REMEMBER_US: Final = 86_400_000_000
_NEVER: Final = np.iinfo(np.int64).min
_LATEST: Final = np.iinfo(np.int64).max - REMEMBER_US


def first_deliveries(
    states: StateRows, topic: Topic, key: str, batch: pa.RecordBatch, records: Sequence[Record]
) -> np.ndarray | None:
    """Return a mask of the rows whose event was not delivered before; None when all are such. `records` are the rows'.

    Reads `event_id` (32 hex digits), `watermark`, the topic's event time and the column `key`. Changes `states`.
    """
    keys: list[str] = batch.column(key).to_pylist()
    states.fetch(keys)
    found = {one: states.delivered(one) for one in dict.fromkeys(keys)}
    ids = bytes.fromhex("".join(batch.column("event_id").to_pylist()))
    watermark = microseconds(batch.column("watermark"), _NEVER)
    times = microseconds(batch.column(topic.event_time))
    until = (np.minimum(np.maximum(times, watermark), _LATEST) + REMEMBER_US).tolist()
    repeats = []
    for row, (one, now) in enumerate(zip(keys, watermark.tolist(), strict=True)):
        delivered, until_us = found[one]
        event = ids[16 * row : 16 * row + ID_BYTES]
        if until_us <= now:
            delivered = b""
        elif _holds(delivered, event) and not _is_sent_again(records[row]):
            repeats.append(row)
            continue
        found[one] = ((delivered + event)[-MOST_BYTES:], max(until_us, until[row]))
    for one, (delivered, until_us) in found.items():
        states.remember_delivered(one, delivered, until_us)
    if not repeats:
        return None
    first = np.ones(batch.num_rows, dtype=bool)
    first[repeats] = False
    return first


def _is_sent_again(record: Record) -> bool:
    return any(name == REPLAYED_FROM for name, _ in record.headers)


def _holds(delivered: bytes, event: bytes) -> bool:
    at = delivered.find(event)
    while at >= 0 and at % ID_BYTES:  # found across the seam of two ids
        at = delivered.find(event, at + 1)
    return at >= 0
