"""What `RaiseAlerts` makes of drawn rows, and its revisions as lines that a test can be read by."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from operators.default_alert_rules import DEFAULT_ALERT_RULES
from operators.raise_alerts import RaiseAlerts
from tests.drawn_rows import microseconds

RAISE = RaiseAlerts(DEFAULT_ALERT_RULES)
Row = dict[str, Any]


def raised(batch: pa.RecordBatch, until: str | None = None) -> list[Row]:
    """What comes out of one batch by the default rules, then of the deadlines until a time."""
    keys = batch.column("device_id").unique()
    states, out = RAISE.process(no_memory(RAISE, len(keys)), batch)
    revisions: list[Row] = out.to_pylist()
    if until is not None:
        _, fired = RAISE.fire(keys, states, microseconds(until))
        revisions += fired.to_pylist()
    return revisions


def no_memory(operator: RaiseAlerts, keys: int) -> pa.RecordBatch:
    """The memory of so many devices of which nothing is known."""
    schema = operator.state_schema
    return pa.RecordBatch.from_arrays([pa.nulls(keys, field.type) for field in schema], schema=schema)


def said(revisions: list[Row], *names: str) -> list[str]:
    """The named columns of each revision on a line; times of day alone."""
    lines = []
    for row in revisions:
        values = (row[name] for name in names)
        lines.append(" ".join(f"{v:%H:%M:%S}" if hasattr(v, "strftime") else str(v) for v in values))
    return lines
