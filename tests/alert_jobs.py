"""Rows about alerts in random orders of arrival, and the engine's own step over them: what laws of histories need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from random import Random
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from operators.raise_alerts import RaiseAlerts
from pipelines.engines.state_rows import StateRows
from pipelines.engines.step import run_step
from pipelines.pipeline import Pipeline
from schemas.alerts import ALERTS
from schemas.answers import ALARMS_ENRICHED
from schemas.severity import SEVERITIES
from tests.alert_oracle import Expected, Sign
from tests.drawn_rows import LATENESS_S, microseconds, rows

Row = dict[str, Any]
FAR = "2026-03-02T00:00:00+00:00"


@st.composite
def arrivals(draw: st.DrawFn, most: int = 40, most_late_s: float = LATENESS_S, groups: int = 0) -> list[Sign]:
    """Rows about one fingerprint in the order of arrival, each delayed by up to `most_late_s`.

    Up to the lateness, none is late. Times are whole seconds, so that many fall on one instant, and sometimes all lie
    within the lateness. The draw chooses size and shape, a seeded generator the rest: lists that hypothesis draws item
    by item are mostly short, and what goes wrong goes wrong in a crowd.
    """
    number, span = draw(st.integers(1, most)), draw(st.sampled_from([6, 15, 40, 90]))
    clears, chance = draw(st.sampled_from([0.0, 0.1, 0.3])), Random(draw(st.integers(0, 2**32)))
    signs = [
        # Ids do not sort like times, for theirs is a hash.
        Sign(
            chance.randint(0, span),
            f"{chance.getrandbits(64):016x}",
            chance.random() >= clears,
            chance.randint(0, 4),
            chance.randint(1, (1 << groups) - 1) if groups else 0,
        )
        for _ in range(number)
    ]
    delays = {sign.event_id: chance.uniform(0, most_late_s) for sign in signs}
    return sorted(signs, key=lambda sign: sign.time + delays[sign.event_id])


def batch_of(arrived: Iterable[tuple[str, str, Sign]]) -> pa.RecordBatch:
    """Draw (device, code, sign) as rows of the enriched alarms."""
    lines = ["device_id | code | event_time | event_id | state | perceived_severity | text"]
    for device, code, sign in arrived:
        state = "raise" if sign.raises else "clear"
        groups = " ".join(f"g{i}" for i in range(8) if sign.groups >> i & 1) or "-"
        where = f"{device} | {code} | {sign.time} | {sign.event_id}"
        lines.append(f"{where} | {state} | {SEVERITIES[sign.severity]} | {groups}")
    return rows(ALARMS_ENRICHED, "\n".join(lines))


class Job:
    """The engine's own step over one partition, with memory that is written and read back after every step."""

    def __init__(self, operator: RaiseAlerts) -> None:
        self.pipeline = Pipeline("alerts", [ALARMS_ENRICHED], [operator], [ALERTS])
        self.store: dict[str, bytes] = {}
        self.due: dict[str, int] = {}

    def step(self, batch: pa.RecordBatch, watermark_us: int | None) -> list[Row]:
        """Run some rows, then what is due; return the revisions in the engine's order with the engine's ids."""
        states = StateRows(self.pipeline.keyed, lambda keys: [self.store.get(key) for key in keys])
        if watermark_us is not None:
            states.fetch([key for key, due in self.due.items() if due <= watermark_us])
        result = run_step(self.pipeline, ALARMS_ENRICHED, batch, states, watermark_us)
        assert not result.failures
        for change in states.changes():
            if change.value is None:
                self.store.pop(change.key, None)
                self.due.pop(change.key, None)
                continue
            self.store[change.key] = change.value
            self.due.pop(change.key, None)
            if change.deadline_us is not None:
                self.due[change.key] = change.deadline_us
        out = [row for part in result.outputs for row in part.to_pylist()]
        for row in out:
            del row["_row"]  # counted within its batch
        return out

    def run(self, batch: pa.RecordBatch, cuts: Sequence[int] = ()) -> list[Row]:
        """Run rows cut at these places, then everything that will ever be due."""
        out: list[Row] = []
        for start, end in zip([0, *cuts], [*cuts, batch.num_rows], strict=True):
            part = batch.slice(start, end - start)
            # Behind a batch the watermark is what the next row will see, whoever's row that is.
            highest = max((time.value for time in batch.column("event_time")[:end]), default=None)
            out += self.step(part, None if highest is None else highest - int(LATENESS_S * 1e6))
        return out + self.step(batch.slice(0, 0), microseconds(FAR))


def history(revisions: Sequence[Row]) -> dict[str, Row]:
    """The last revision of each alert, those left out that were merged into others."""
    last = {row["alert_id"]: row for row in revisions}
    return {name: row for name, row in last.items() if row["resolved_by"] != "merged"}


def seconds(moment: datetime | None) -> float | None:
    return None if moment is None else (moment.timestamp() * 1e6 - microseconds("0")) / 1e6


def told(row: Row, opening_id: str) -> Expected:
    """A revision in the oracle's words."""
    return Expected(
        opening_id=opening_id,
        opened_at=seconds(row["opened_at"]) or 0.0,
        fired_at=seconds(row["fired_at"]),
        updated_at=seconds(row["updated_at"]) or 0.0,
        resolved_at=seconds(row["resolved_at"]),
        resolved_by=row["resolved_by"],
        severity=SEVERITIES.index(row["severity"]),
        count=row["count"],
        evidence=tuple(e["event_id"] for e in row["evidence"]),
        flaps="flapping" in dict(row["annotations"] or ()),
    )
