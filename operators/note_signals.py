"""Note signals: what of the enriched events of a device a forecast should remember, sent on by device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.alert_evidence import source_of
from operators.alert_rule import Source
from operators.columns import require
from operators.condition import Condition, all_of, any_of, column_at
from operators.operator import CAUSE, never_fires
from schemas.device_signals import SIGNAL
from schemas.topic import TIMESTAMP

EMITTED: Final = pa.schema([*SIGNAL, *CAUSE])
STATE: Final = pa.schema([])
_LONGEST: Final = 100

_ABNORMAL: Final = (
    Condition("hubbub.abnormal.label", "==", "true"),
    Condition("hubbub.abnormal.score", ">=", 0.8),
    Condition("severity", "not in", ("indeterminate", "cleared")),
)
_SERIOUS: Final = ("critical", "major")
_RAISED: Final = (Condition("state", "!=", "clear"), Condition("perceived_severity", "!=", "cleared"))
_CLEARED: Final = (Condition("state", "==", "clear"), Condition("perceived_severity", "==", "cleared"))
_MAJOR: Final = Condition("_severity", "in", _SERIOUS)
# What is seen in a row of each source, where all of its conditions hold.
_SEEN: Final[Mapping[Source, Mapping[str, Sequence[Condition]]]] = {
    "telemetry": {
        "anomaly": (Condition("hubbub.anomaly.is_anomaly", "is true"),),
    },
    "log": {
        "novel_line": (Condition("hubbub.novelty_kind", "==", "new"), Condition("hubbub.novelty", ">=", 0.9)),
        "abnormal_line": _ABNORMAL,
        "warning_line": (Condition("severity", "==", "warning"),),
        "error_line": (Condition("severity", "in", (*_SERIOUS, "minor")),),
    },
    "alarm": {
        "minor_alarm": (*_RAISED, Condition("_severity", "not in", _SERIOUS)),
        "major_alarm": (*_RAISED, _MAJOR),
    },
}
_WHAT: Final[Mapping[Source, str]] = {"telemetry": "metric", "log": "hubbub.template_id", "alarm": "code"}


@dataclass(frozen=True)
class NoteSignals:
    """Send on what of readings, lines and alarms is notable, in one form, so that it can be remembered together.

    Reads rows of the enriched topics of telemetry, logs and alarms; other rows are passed over. Emits a row of
    `device.signals` for each that is: an anomaly by the detector's own rate; a line never seen on this device
    (`novel_line`: `novelty_kind` is `new`, novelty at least 0.9; what is rare, a burst, or ends a silence is none); an
    abnormal one (at least 0.8 sure, and not called routine by the device itself); a warning or an error by its own
    level; an alarm that is raised (major or worse by what it says, or where it says nothing by what its words say) or
    cleared. `what` is the metric, template id or code, cut at 100 characters. It remembers nothing.
    """

    name: str = "note_signals"
    version: int = 1
    key: str = "device_id"
    emits: bool = True

    @property
    def state_schema(self) -> pa.Schema:
        """No memory."""
        return STATE

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """Return the columns of a signal."""
        require(self.name, schema, "device_id", pa.string())
        require(self.name, schema, "event_time", TIMESTAMP)
        source = source_of(schema)
        if source is None or source not in _SEEN:
            expected = "expected rows of an enriched topic (telemetry, logs or alarms)"
            raise ValueError(f"operator {self.name}: {expected}, got {', '.join(schema.names)}")
        extended = schema.append(pa.field("_severity", pa.string()))
        for condition in (one for conditions in _SEEN[source].values() for one in conditions):
            condition.check(extended)
        return EMITTED

    def process(self, states: pa.RecordBatch, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Ask the whole batch what it shows."""
        source = source_of(batch.schema)
        if source is None or source not in _SEEN or not batch.num_rows:
            return states, _nothing()
        rows = batch
        if source == "alarm":
            said = pc.coalesce(batch.column("perceived_severity"), column_at(batch, "hubbub.severity.label"))
            rows = batch.append_column(pa.field("_severity", pa.string()), said)
        seen = {kind: all_of(conditions, rows) for kind, conditions in _SEEN[source].items()}
        masks = {kind: mask.to_numpy(zero_copy_only=False) for kind, mask in seen.items() if mask is not None}
        cleared = any_of(_CLEARED, rows) if source == "alarm" else None
        ends = np.zeros(batch.num_rows, bool) if cleared is None else cleared.to_numpy(zero_copy_only=False)
        notable = np.flatnonzero(np.logical_or.reduce([ends, *masks.values()]))
        if not len(notable):
            return states, _nothing()
        taken = batch.take(pa.array(notable))
        columns: dict[str, pa.Array] = {
            "device_id": taken.column("device_id"),
            "event_time": taken.column("event_time"),
            "kinds": pa.array(
                [[kind for kind, mask in masks.items() if mask[row]] for row in notable], pa.list_(pa.string())
            ),
            "what": pc.utf8_slice_codeunits(column_at(taken, _WHAT[source]), 0, _LONGEST),
            "cleared": pa.array(ends[notable]),
            "input": column_at(taken, "hubbub.input"),
            "_row": pa.array(notable, pa.int64()),
            "_deadline": pa.nulls(len(notable), TIMESTAMP),
            "_key": taken.column("device_id"),
        }
        return states, pa.RecordBatch.from_arrays([columns[field.name] for field in EMITTED], schema=EMITTED)

    fire = never_fires


def _nothing() -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in EMITTED], schema=EMITTED)
