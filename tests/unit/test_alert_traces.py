"""An alert carries the trace of what caused it: its row's, or, where only time brought it about, its latest event's."""

from __future__ import annotations

import pyarrow as pa
import pytest

from operators.alert_rule import AlertRule
from operators.condition import Condition
from operators.raise_alerts import RaiseAlerts
from schemas.answers import ALARMS_ENRICHED
from tests.alert_jobs import Job
from tests.drawn_rows import rows

RULE = AlertRule(
    "lasting",
    "alarm",
    when=(Condition("state", "==", "raise"),),
    clears=(Condition("state", "==", "clear"),),
    severity="major",
    for_s=60,
    resolve_after_s=300,
    summary="{device_id}",
)
DRAWN = """
    device_id | code | event_time | event_id | state | perceived_severity | text
    d1        | C    | 0          | e1       | raise | major              | a
    d1        | C    | 30         | e2       | raise | major              | b
    d2        | C    | 40         | e3       | raise | major              | no trace
    d1        | C    | 100        | e4       | raise | major              | c
"""
TRACES = [f"00-{number:032x}-{number:016x}-01" if number != 3 else None for number in (1, 2, 3, 4)]


def traced() -> pa.RecordBatch:
    batch = rows(ALARMS_ENRICHED, DRAWN)
    for name, values in (("traceparent", TRACES), ("tracestate", ["a=1", None, None, None])):
        batch = batch.set_column(batch.schema.get_field_index(name), name, pa.array(values, pa.string()))
    return batch


@pytest.mark.parametrize("cut", range(5))
def test_it_has_the_trace_of_its_cause(cut: int) -> None:
    found = Job(RaiseAlerts((RULE,))).run(traced(), [cut])
    told = [(row["device_id"], row["state"], row["traceparent"], row["tracestate"], row["_cause"]) for row in found]
    one, _, _, four = TRACES
    assert told == [
        ("d1", "pending", one, "a=1", "e1"),
        ("d2", "pending", None, None, "e3"),
        # It fired at 60 s; before time had come there, its third event had.
        ("d1", "firing", four, None, None),
        ("d2", "firing", None, None, None),
        ("d2", "resolved", None, None, None),
        ("d1", "resolved", four, None, None),
    ]
    evidence = {row["alert_id"]: row["evidence"] for row in found if row["device_id"] == "d1"}
    ((*_, last),) = [[one["traceparent"] for one in events] for events in evidence.values()]
    assert last == four
