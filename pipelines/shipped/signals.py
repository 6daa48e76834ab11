"""The pipeline `signals`: what is notable of readings, lines and alarms, on its way to `forecasts`.

A device's readings, lines and alarms lie in three topics of different rows. Written once more as signals, in one
internal topic by device, they are merged there in event time, and only the few that matter are.
"""

from __future__ import annotations

from operators.note_signals import NoteSignals
from pipelines.pipeline import Pipeline
from schemas.answers import ALARMS_ENRICHED, DEVICE_LOGS_ENRICHED, DEVICE_TELEMETRY_ENRICHED
from schemas.device_signals import DEVICE_SIGNALS


def signals() -> Pipeline:
    """Return the pipeline from the enriched topics of telemetry, logs and alarms to device.signals."""
    sources = [DEVICE_TELEMETRY_ENRICHED, DEVICE_LOGS_ENRICHED, ALARMS_ENRICHED]
    return Pipeline("signals", sources, [NoteSignals()], [DEVICE_SIGNALS])
