"""Raise alerts: the keyed operator that turns enriched rows into alerts, and says when they end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.alert_devices import STATE, AlertDevices
from operators.alert_evidence import check_evidence, source_of
from operators.alert_matches import find_matches
from operators.alert_rows import EMITTED, AlertRows
from operators.alert_rule import AlertRule, Source
from operators.columns import require
from schemas.microseconds import microseconds
from schemas.topic import TIMESTAMP

NEVER: Final = np.iinfo(np.int64).min


@dataclass(frozen=True)
class RaiseAlerts:
    """Keep one history of alerts for each device and fingerprint, and emit a row for each change of one.

    Reads the columns that `rules` name and those of the evidence (operators/alert_evidence.py). Emits rows of
    schemas.alerts.ALERT. Fingerprint: hash of rule, device and the rule's labels. Each source topic is a stream of its
    own: its rules are those of its kind, and rows of another kind raise nothing.

    Order: within the allowed lateness the order of arrival changes nothing in the end: alerts are written at once and
    corrected by later revisions (operators/alert_history.py). A late row, one below the watermark, counts as if it had
    happened at the watermark: what was settled stays, so the alert of a device that uploads old rows opens when they
    arrive; the evidence keeps their own times.
    Revisions: one that lasts is written again when state, severity or opening change, or its count passes 2, 5, 10,
    20, 50, ...; one that has ended, whenever anything of it changes. They count from 1 for each fingerprint, and begin
    anew after seven days without an alert. A revision's event time is its cause's; its trace that of its latest event.
    What only time can show (`for_s`, `absent_s`) is written when the watermark has reached it, with the deadline as its
    cause; a device that never said anything under a rule of absence is not known, and so not missed.
    Bounds: 64 fingerprints a device (what has ended goes first, then what would end first, resolved by "evicted"), 256
    unsettled marks a fingerprint (the oldest settle early), 8 events of evidence.
    """

    rules: tuple[AlertRule, ...]
    name: str = "raise_alerts"
    version: int = 1
    key: str = "device_id"
    emits: bool = True

    def __post_init__(self) -> None:
        """Refuse two rules of one name: their alerts could not be told apart."""
        names = [rule.name for rule in self.rules]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"alert rules: expected names of their own, got {', '.join(twice)} more than once")

    @property
    def state_schema(self) -> pa.Schema:
        """One record of all fingerprints of the device, when the next is due, and when all may be forgotten."""
        return STATE

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Return the columns of an alert; what the rules of this source read must be there."""
        require(self.name, schema, "device_id", pa.string())
        require(self.name, schema, "event_time", TIMESTAMP)
        require(self.name, schema, "watermark", TIMESTAMP)
        source = source_of(schema)
        if source is None:
            expected = "expected rows of an enriched topic (logs, messages, alarms or telemetry) or forecasts"
            raise ValueError(f"operator {self.name}: {expected}, got {', '.join(schema.names)}")
        check_evidence(source, schema)
        for rule in self._rules_of(source):
            rule.check(schema)
        return EMITTED

    def process(self, states: pa.RecordBatch, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Apply the rows that match a rule, in order, each after the deadlines that its watermark has reached."""
        rows = AlertRows()
        source = source_of(batch.schema)
        if source is None or not batch.num_rows:
            return states, rows.batch()
        watermarks = microseconds(batch.column("watermark"), NEVER)
        matches = find_matches(source, self._rules_of(source), batch)
        first_due = pc.min(states.column("deadline").view(pa.int64())).as_py()
        # Not the last row's: rows of several partitions may share a batch, each with a time of its own.
        is_due = first_due is not None and first_due <= watermarks.max()
        if not matches and not is_due:
            return states, rows.batch()
        devices = AlertDevices(self.rules, batch.column(self.key).unique().to_pylist(), states, rows)
        for match in matches:
            devices.at(match.device_id).apply(match, int(watermarks[match.row]))
        self._fire_behind(batch.column(self.key), watermarks, states, devices, {one.device_id for one in matches})
        return devices.states(), rows.batch()

    def fire(self, keys: pa.Array, states: pa.RecordBatch, watermark_us: int) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """End by quiet what is due; what comes out depends on the deadlines, not on the watermark."""
        rows = AlertRows()
        names = keys.to_pylist()
        devices = AlertDevices(self.rules, names, states, rows)
        for device_id in names:
            devices.at(device_id).fire(watermark_us)
        return devices.states(), rows.batch()

    def _rules_of(self, source: Source) -> list[AlertRule]:
        return [rule for rule in self.rules if rule.source == source]

    @staticmethod
    def _fire_behind(
        keys: pa.Array, watermarks: np.ndarray, states: pa.RecordBatch, devices: AlertDevices, matched: set[str]
    ) -> None:
        """Fire the deadlines that only rows without a match have reached, each key's up to its own last row.

        They stood in `states`, or rows of the `matched` devices have set them.
        """
        encoded = keys.dictionary_encode()
        last_row = np.zeros(len(encoded.dictionary), dtype=np.int64)
        np.maximum.at(last_row, encoded.indices.to_numpy(), np.arange(len(keys)))
        reached = watermarks[last_row]
        before = microseconds(states.column("deadline"), NEVER)
        names = encoded.dictionary.to_pylist()
        for i, (name, was_due) in enumerate(zip(names, (before != NEVER) & (before <= reached), strict=True)):
            if was_due or name in matched:
                devices.at(name).fire(int(reached[i]))
