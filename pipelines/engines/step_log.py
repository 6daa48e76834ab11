"""What a step says in the log: each dead letter and each change of an alert, with the trace that it belongs to.

At level INFO, for logs that a program collects; people read alerts and dead letters where those are.
"""

from __future__ import annotations

import logging
from typing import Final

import pyarrow as pa

from pipelines.engines.step_watch import Step
from schemas.envelope import traceparent_of

log = logging.getLogger(__name__)

# A flood of either is counted, not copied into the log.
MOST_LINES: Final = 20


def log_step(step: Step) -> None:
    """Log what is to be known of a step that was committed."""
    if not log.isEnabledFor(logging.INFO):
        return
    for part, record, failure in step.failed[:MOST_LINES]:
        place = {"topic": part.topic, "partition": part.partition, "offset": record.offset}
        log.info(
            "dead letter: %s",
            failure.message,
            extra={"fields": place | {"reason": failure.reason, **trace_fields(traceparent_of(record.headers))}},
        )
    if len(step.failed) > MOST_LINES:
        log.info("%d more dead letters in this step", len(step.failed) - MOST_LINES)
    rows = 0
    for output in step.outputs:
        if {"fingerprint", "state", "summary", "rule"} <= set(output.schema.names):
            rows += output.num_rows
            _log_alerts(output.slice(0, MOST_LINES))
    if rows > MOST_LINES:
        log.info("%d changes of alerts in this step, of which some are not logged", rows)


def trace_fields(traceparent: str | None) -> dict[str, str]:
    """Return a trace context in the words that OpenTelemetry has for logs; none without one."""
    if traceparent is None:
        return {}
    _, trace, span, flags = traceparent.split("-")
    return {"trace_id": trace, "span_id": span, "trace_flags": flags}


def _log_alerts(rows: pa.RecordBatch) -> None:
    names = ("state", "summary", "rule", "severity", "device_id", "fingerprint", "event_id", "traceparent")
    for state, summary, rule, severity, device, fingerprint, event, trace in zip(
        *(rows.column(name).to_pylist() for name in names), strict=True
    ):
        fields = {"rule": rule, "state": state, "severity": severity, "device_id": device, "fingerprint": fingerprint}
        log.info("alert %s: %s", state, summary, extra={"fields": fields | {"event_id": event} | trace_fields(trace)})
